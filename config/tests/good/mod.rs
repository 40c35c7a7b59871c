//! A good settings file, and what is told about one that has more in it.

use mpss_config::{Settings, SettingsError};

/// Seven lines that are a complete settings file.
pub(crate) const GOOD: &str = "\
[node]
province = \"44\"
number = 1
data_dir = \"/var/lib/mpss\"

[password.peppers]
1 = \"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"
";

/// What is told about `text` after [`GOOD`] (so it begins in line 8), with environment variables.
pub(crate) fn told(text: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let environment = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let error = Settings::parse(&format!("{GOOD}{text}"), "file x.toml", environment).unwrap_err();
    assert!(matches!(error, SettingsError::Invalid(_)), "{error}");
    let told: Vec<String> = error.problems().iter().map(ToString::to_string).collect();
    let heading = match told.len() {
        1 => "1 setting can not be used:".to_owned(),
        many => format!("{many} settings can not be used:"),
    };
    assert_eq!(error.to_string(), format!("{heading}\n  {}", told.join("\n  ")));
    told
}
