//! See `orz_fuzz::formats`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| orz_fuzz::formats(data));
