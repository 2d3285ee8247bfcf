//! See `orz_fuzz::quantity_duration`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| orz_fuzz::quantity_duration(data));
