//! A caller's request that belongs to another province: passed on as it is, once, for as long as the caller
//! waits.

use std::time::Duration;

use bytes::Bytes;
use mpss_routing::peer::PeerDoor;
use mpss_routing::wire::FORWARDED_HEADER;
use mpss_routing::{PeerCall, PeerError, PeerReply};
use mpss_runtime::Clock;

use crate::link::{Fortune, problem};
use crate::scene::{home, ms, scene};
use crate::virtual_time::run;

fn public_call(headers: &[(&str, &str)]) -> PeerCall {
    PeerCall {
        method: "POST".into(),
        path: "/v1/orders?explain=true".into(),
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        body: Bytes::from_static(b"{\"quantity\":1}"),
    }
}

#[test]
fn a_callers_request_is_passed_on_as_it_is_and_once() {
    let reply = PeerReply {
        status: 201,
        headers: vec![("idempotent-replayed".into(), "true".into()), ("connection".into(), "close".into())],
        body: Bytes::from_static(b"{\"order_id\":\"O\"}"),
    };
    let scene = scene(vec![Fortune::Says(reply)], Fortune::Unreachable);
    let call = public_call(&[("idempotency-key", "k1"), ("host", "node"), ("connection", "keep-alive")]);
    let back = run(&scene.clock, scene.dispatch.forward(home(), call.clone())).unwrap();
    assert_eq!((back.status, back.body), (201, Bytes::from_static(b"{\"order_id\":\"O\"}")));
    assert_eq!(back.headers, [("idempotent-replayed".to_owned(), "true".to_owned())]);
    let sent = scene.world.lock().unwrap().calls[0].clone();
    assert_eq!((sent.1, sent.2.path.as_str()), (PeerDoor::Public, "/v1/orders?explain=true"));
    assert_eq!(sent.2.body, call.body);
    assert_eq!(sent.2.header("idempotency-key"), Some("k1"));
    assert_eq!(sent.2.header(FORWARDED_HEADER), Some("44"));
    assert_eq!((sent.2.header("host"), sent.2.header("connection")), (None, None));
    // The receiving side does not pass it on again.
    let again = run(&scene.clock, scene.dispatch.forward(home(), sent.2));
    assert_eq!((again, scene.tries()), (Err(PeerError::ForwardedBefore(home())), 1));
    assert_eq!(
        run(&scene.clock, scene.dispatch.forward(home(), public_call(&[("MPSS-Forwarded", "11")]))),
        Err(PeerError::ForwardedBefore(home()))
    );
}

#[test]
fn passing_on_tells_not_reached_from_unknown_and_hands_back_every_status() {
    let scene = scene(vec![Fortune::Unreachable, Fortune::AnswerLost], problem(503, &[("retry-after", "2")]));
    let forward = |call| run(&scene.clock, scene.dispatch.forward(home(), call));
    assert_eq!(forward(public_call(&[])), Err(PeerError::Unreachable(home())));
    assert_eq!(scene.clock.monotonic(), Duration::ZERO);
    assert_eq!(forward(public_call(&[])), Err(PeerError::Unknown(home())));
    assert_eq!(scene.clock.monotonic(), ms(8_000), "as long as a purchase there can take");
    let busy = forward(public_call(&[])).unwrap();
    assert_eq!((busy.status, busy.header("retry-after")), (503, Some("2")));
}

#[test]
fn passing_on_waits_as_long_as_the_caller_does() {
    for (headers, waited) in [
        (vec![("mpss-deadline-ms", "1500")], 1_500),
        (vec![("mpss-deadline-ms", "999999999")], 60_000),
        (vec![("prefer", "wait=20")], 28_000),
        (vec![("mpss-deadline-ms", "soon")], 8_000),
    ] {
        let scene = scene(vec![], Fortune::RequestLost);
        assert_eq!(
            run(&scene.clock, scene.dispatch.forward(home(), public_call(&headers))),
            Err(PeerError::Unknown(home()))
        );
        assert_eq!(scene.clock.monotonic(), ms(waited), "{headers:?}");
        let world = scene.world.lock().unwrap();
        let told: Vec<_> = world.calls[0].2.headers.iter().filter(|(name, _)| name == "mpss-deadline-ms").collect();
        assert_eq!(told, [&("mpss-deadline-ms".to_owned(), waited.to_string())], "told once, as it is");
    }
}
