//! See `orz_fuzz::bundle`.
#![no_main]

use libfuzzer_sys::{Corpus, fuzz_mutator, fuzz_target, fuzzer_mutate};

fuzz_target!(|data: &[u8]| -> Corpus {
    orz_fuzz::bundle(data);
    // Broken documents are the business of `read_json`; from here they lead nowhere.
    if orz_fuzz::is_json(data, 0) {
        Corpus::Keep
    } else {
        Corpus::Reject
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    // One in eight changes is of bytes.
    let changed = (seed % 8 != 0).then(|| orz_fuzz::mutate(&data[..size], 0, seed));
    match changed
        .flatten()
        .filter(|changed| changed.len() <= max_size)
    {
        Some(changed) => {
            data[..changed.len()].copy_from_slice(&changed);
            changed.len()
        }
        None => fuzzer_mutate(data, size, max_size),
    }
});
