//! See `orz_fuzz::read_json`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| orz_fuzz::read_json(data));
