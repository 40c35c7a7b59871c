//! A page for people at `/`: the group, the books, and where to go on. Works without script and on a
//! small screen; everything that is not ours is escaped.

use std::fmt::{self, Write as _};

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::Response;

use super::cluster::ClusterBody;
use super::door::Door;
use super::trial_balance::TrialBalanceBody;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:1rem auto;max-width:60rem;padding:0 1rem}\
table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}th,td{border:1px solid #bbb;padding:.25rem .5rem;text-align:left}\
td.n{text-align:right;font-variant-numeric:tabular-nums}.bad{color:#a00;font-weight:bold}.good{color:#060}code{font-size:.9em}";

/// Shows the group and the books to a person.
#[utoipa::path(
    get, path = "/", tag = "operation", operation_id = "page",
    responses((status = 200, description = "A page for people", body = String, content_type = "text/html")),
)]
pub(crate) async fn show(State(door): State<Door>) -> Response {
    let term = door.context.replica.watch().borrow().term;
    let cluster = ClusterBody::new(door.here(), &door.context.replica, door.in_flight.count());
    // This replica's own view: the page must also show when there is no leader to ask.
    let view = door.context.replica.view();
    let books = TrialBalanceBody::of(&view);
    let mut page = String::with_capacity(8 << 10);
    write_page(&mut page, &cluster, &books, &view, term).expect("a String takes everything");
    let mut response = Response::new(Body::from(page));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
        ),
    );
    response
}

fn write_page(
    page: &mut String,
    cluster: &ClusterBody,
    books: &TrialBalanceBody,
    state: &mpss_domain::State,
    term: u64,
) -> fmt::Result {
    let province = state.province();
    let (zh, en) = (province.name_zh(), province.name_en());
    write!(
        page,
        "<!doctype html><html lang=\"zh\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>MPSS {province} {zh} {en}</title><style>{STYLE}</style>\
         <h1>MPSS {province} {zh} · {en}</h1>\
         <p>移动支付业务系统 · Mobile payment service system</p>\
         <h2>集群 · Cluster <small>(term {term}, state version {})</small></h2>\
         <table><tr><th>节点 Node<th>角色 Role<th>状态 Health<th>落后 Behind<th>地址 Address</tr>",
        state.version()
    )?;
    for replica in cluster.replicas() {
        let class = if replica.health == "behind" { "bad" } else { "good" };
        let behind = replica.lag.map_or_else(|| "?".to_owned(), |lag| lag.to_string());
        let url = Escaped(&replica.http_url);
        let link = replica.http_url.starts_with("http://") || replica.http_url.starts_with("https://");
        write!(
            page,
            "<tr><td class=\"n\">{}<td>{}<td class=\"{class}\">{}<td class=\"n\">{behind}<td>",
            replica.node, replica.role, replica.health
        )?;
        if link {
            write!(page, "<a href=\"{url}/\">{url}</a></tr>")?;
        } else {
            write!(page, "{url}</tr>")?;
        }
    }
    let (rows, balanced) = books.rows();
    let (class, verdict) = if balanced {
        ("good", "借贷平衡 · debits equal credits")
    } else {
        ("bad", "借贷不平 · OUT OF BALANCE")
    };
    write!(
        page,
        "</table><h2>账簿 · Books <small>(log {})</small></h2><p class=\"{class}\">{verdict}</p>\
         <table><tr><th>账户 Account<th>借方 Debit (元)<th>贷方 Credit (元)</tr>",
        state.index()
    )?;
    for (name, debit, credit) in rows {
        write!(page, "<tr><td>{}<td class=\"n\">{debit}<td class=\"n\">{credit}</tr>", Escaped(name))?;
    }
    let counts = state.row_counts();
    write!(
        page,
        "</table><h2>数量 · Rows</h2><table><tr><th>账户 Accounts<th>订单 Orders<th>支付 Payments<th>待办 Outbox</tr>\
         <tr><td class=\"n\">{}<td class=\"n\">{}<td class=\"n\">{}<td class=\"n\">{}</tr></table>\
         <p><a href=\"/v1/cluster\">/v1/cluster</a> · <a href=\"/v1/trial-balance\">/v1/trial-balance</a> · \
         <a href=\"/v1/products\">/v1/products</a> · <a href=\"/v1/sps\">/v1/sps</a> · \
         <a href=\"/v1/policy\">/v1/policy</a> · <a href=\"/openapi.json\">/openapi.json</a> · \
         <a href=\"/metrics\">/metrics</a> · <a href=\"/healthz\">/healthz</a> · <a href=\"/readyz\">/readyz</a></p></html>",
        counts.accounts, counts.orders, counts.payments, counts.effects
    )
}

/// Text inside a page, in content and in quoted attributes.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for char in self.0.chars() {
            match char {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                char => f.write_char(char)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_ours_can_not_leave_its_place() {
        let shown = Escaped("\"><script>alert('x')</script>&").to_string();
        assert_eq!(shown, "&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;");
    }
}
