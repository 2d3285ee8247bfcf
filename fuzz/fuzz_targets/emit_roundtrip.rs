//! See `orz_fuzz::emit_roundtrip`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| orz_fuzz::emit_roundtrip(data));
