//! The codec as a filter, so that another codec can be held against it.
//!
//! ```text
//!  encode host 0200 3=303030303030 11=303030313233     →  the message
//!  decode host 30323030…                               →  0200 3=303030303030 …
//!  frame  message                                      →  the message, behind a length of two bytes
//! ```
//!
//! One line in, one line out; bytes are in hexadecimal, and a refusal begins with `error `.

use std::io::{BufRead, Write};

use mpss_node::gateway::bank::iso8583::{
    Coding, Counts, Framing, Header, LengthPrefix, Message, MessageType, decode, encode,
};

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        match answer(&line?) {
            Ok(text) => writeln!(out, "{text}")?,
            Err(text) => writeln!(out, "error {text}")?,
        }
        out.flush()?;
    }
    Ok(())
}

fn answer(line: &str) -> Result<String, String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words[..] {
        ["encode", coding, kind, ref fields @ ..] => {
            let kind = MessageType::from_digits(kind.as_bytes()).ok_or("no such type")?;
            let mut message = Message::new(kind);
            for field in fields {
                let (number, value) = field.split_once('=').ok_or("a field is number=value")?;
                let number = number.parse().map_err(|_| "a field has a number")?;
                message.set(number, bytes(value)?).map_err(|error| error.to_string())?;
            }
            Ok(hex::encode(encode(&message, by_name(coding)?)))
        }
        ["decode", coding, message] => {
            let message = decode(&bytes(message)?, by_name(coding)?).map_err(|error| error.to_string())?;
            let fields = message.fields().map(|(number, value)| format!(" {number}={}", hex::encode(value)));
            Ok(format!("{}{}", message.kind(), fields.collect::<String>()))
        }
        ["frame", message] => {
            let framing = Framing { prefix: LengthPrefix::Binary, counts: Counts::Rest, header: Header::None };
            Ok(hex::encode(framing.frame(&bytes(message)?).map_err(|error| error.to_string())?))
        }
        _ => Err("encode, decode or frame".to_owned()),
    }
}

fn by_name(name: &str) -> Result<Coding, String> {
    Ok(match name {
        "host" => Coding::HOST,
        "packed" => Coding::PACKED,
        "text" => Coding::TEXT,
        _ => return Err("host, packed or text".to_owned()),
    })
}

fn bytes(text: &str) -> Result<Vec<u8>, String> {
    hex::decode(text).map_err(|error| error.to_string())
}
