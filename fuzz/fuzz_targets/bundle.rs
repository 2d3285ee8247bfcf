//! See `orz_fuzz::bundle`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| orz_fuzz::bundle(data));
