//! Languages, and the form of the table of texts.

/// A language of the portals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lang {
    Chinese,
    English,
}

impl Lang {
    /// The language that a word such as `zh-CN` or `en` names.
    pub(crate) fn named(word: &str) -> Option<Self> {
        let word = word.trim().to_ascii_lowercase();
        match word.split(['-', '_']).next() {
            Some("zh") => Some(Self::Chinese),
            Some("en") => Some(Self::English),
            _ => None,
        }
    }

    /// The first language of `Accept-Language` that we speak. Browsers put the preferred one first.
    pub(crate) fn accepted(header: &str) -> Option<Self> {
        header.split(',').take(16).find_map(|part| Self::named(part.split(';').next().unwrap_or_default()))
    }

    /// For `lang="…"`.
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::Chinese => "zh-CN",
            Self::English => "en",
        }
    }

    /// For `?lang=…` and the cookie.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Chinese => "zh",
            Self::English => "en",
        }
    }

    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Chinese => Self::English,
            Self::English => Self::Chinese,
        }
    }

    pub(crate) const fn pick<'a>(self, zh: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Chinese => zh,
            Self::English => en,
        }
    }
}

/// The texts of both languages from lines of `name: Chinese, English;`.
macro_rules! words {
    ($($name:ident: $zh:literal, $en:literal;)*) => {
        /// The texts of one language.
        #[derive(Debug)]
        pub(crate) struct Words {
            $(pub(crate) $name: &'static str,)*
        }

        impl Words {
            const CHINESE: Self = Self { $($name: $zh,)* };
            const ENGLISH: Self = Self { $($name: $en,)* };

            /// The texts of `lang`.
            pub(crate) const fn of(lang: Lang) -> &'static Self {
                match lang {
                    Lang::Chinese => &Self::CHINESE,
                    Lang::English => &Self::ENGLISH,
                }
            }
        }
    };
}

pub(crate) use words;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_first_one_that_is_spoken() {
        for (header, lang) in [
            ("zh-CN,zh;q=0.9,en;q=0.8", Some(Lang::Chinese)),
            ("fr-FR, en-GB;q=0.7, zh", Some(Lang::English)),
            ("fr", None),
            ("", None),
        ] {
            assert_eq!(Lang::accepted(header), lang, "{header}");
        }
    }
}
