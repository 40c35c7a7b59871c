//! What browsers send: forms and queries, `application/x-www-form-urlencoded`.

/// Fields of one form at most.
const FIELDS_MAX: usize = 64;

/// Fields by name; the first of several counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads a form; what is not percent-encoded UTF-8 is not there.
    pub(crate) fn read(text: &str) -> Self {
        let pairs = text.split('&').filter(|part| !part.is_empty()).take(FIELDS_MAX);
        Self(
            pairs
                .filter_map(|part| {
                    let (name, value) = part.split_once('=').unwrap_or((part, ""));
                    Some((decoded(name)?, decoded(value)?))
                })
                .collect(),
        )
    }

    /// A field without the space around it; empty when it is not there.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.trim())
    }

    /// A field that says something.
    pub(crate) fn said(&self, name: &str) -> Option<&str> {
        Some(self.get(name)).filter(|text| !text.is_empty())
    }

    /// All but `name`, in order.
    pub(crate) fn without<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.iter().filter(move |(known, _)| known != name).map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl Drop for Fields {
    fn drop(&mut self) {
        // Passwords come in forms.
        for (_, value) in &mut self.0 {
            zeroize::Zeroize::zeroize(value);
        }
    }
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
                bytes.push(u8::try_from(high * 16 + low).ok()?);
            }
            b'+' => bytes.push(b' '),
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_decoded_once() {
        let fields = Fields::read("title=%E5%8F%8C+%2B%26&empty=&title=second&bad=%zz&half=%4&noname");
        assert_eq!(fields.get("title"), "双 +&");
        for missing in ["empty", "bad", "half", "nothing"] {
            assert_eq!(fields.said(missing), None, "{missing}");
        }
        assert_eq!(fields.without("title").count(), 2);
    }
}
