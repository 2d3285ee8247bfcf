//! See `orz_fuzz::platform`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| orz_fuzz::platform(data));
