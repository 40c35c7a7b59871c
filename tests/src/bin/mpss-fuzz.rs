//! libFuzzer over one decoder, named by `MPSS_FUZZ_TARGET`; started by `fuzz.sh`.

#![no_main]

use std::sync::LazyLock;

use mpss_tests::decoders::{self, Decoder};

static TARGET: LazyLock<&Decoder> = LazyLock::new(|| {
    let name = std::env::var("MPSS_FUZZ_TARGET").expect("MPSS_FUZZ_TARGET names a decoder");
    decoders::by_name(&name).unwrap_or_else(|| panic!("there is no decoder {name:?}"))
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    (TARGET.understands)(bytes);
});
