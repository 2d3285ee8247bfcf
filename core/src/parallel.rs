//! The same work on many items by several threads, with results in the order of the items: how many threads there
//! are changes how long it takes, and nothing else.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;
use std::sync::mpsc::channel;

/// How many items per thread are under way at most, from being handed out until their result was taken.
const AHEAD: usize = 8;

/// Does `work` on each item by so many threads, and hands the results to `done` on this thread, in the order of
/// the items.
///
/// Only a few items per thread are under way at a time, so memory is bounded also where `done` is slow, or one item
/// takes longer than the others. With one thread or one item everything happens on this thread. A panic in `work`
/// is one here, after the other threads ended.
pub fn for_each<I, R>(
    threads: NonZeroUsize,
    items: I,
    work: impl Fn(I::Item) -> R + Sync,
    mut done: impl FnMut(R),
) where
    I: IntoIterator<IntoIter: ExactSizeIterator, Item: Send>,
    R: Send,
{
    let mut items = items.into_iter().enumerate();
    let threads = threads.get().min(items.len());
    if threads <= 1 {
        return items.for_each(|(_, item)| done(work(item)));
    }
    // Outside of the scope, so that its threads may look at it.
    let (feed, queue) = channel();
    let (give, results) = channel();
    let queue = Mutex::new(queue);
    let (queue, work) = (&queue, &work);
    std::thread::scope(|scope| {
        // Moved in here: the threads end when it is dropped, after the last item or by a panic.
        let feed = feed;
        for _ in 0..threads {
            let give = give.clone();
            scope.spawn(move || {
                // The lock is held only until there is an item, and poisoned by nothing.
                while let Some((number, item)) =
                    queue.lock().ok().and_then(|items| items.recv().ok())
                {
                    let result = catch_unwind(AssertUnwindSafe(|| work(item)));
                    if give.send((number, result)).is_err() {
                        break;
                    }
                }
            });
        }
        let mut early = BTreeMap::new();
        let (mut handed, mut taken) = (0, 0);
        loop {
            for item in items.by_ref().take(threads * AHEAD - (handed - taken)) {
                handed += 1;
                feed.send(item).expect("its receiver outlives the scope");
            }
            if handed == taken {
                break;
            }
            let (number, result) = results.recv().expect("a sender is in this scope");
            early.insert(number, result.unwrap_or_else(|panic| resume_unwind(panic)));
            while let Some(result) = early.remove(&taken) {
                done(result);
                taken += 1;
            }
        }
    });
}

/// Like [`for_each`], with the results in one list.
pub fn map<I, R>(threads: NonZeroUsize, items: I, work: impl Fn(I::Item) -> R + Sync) -> Vec<R>
where
    I: IntoIterator<IntoIter: ExactSizeIterator, Item: Send>,
    R: Send,
{
    let items = items.into_iter();
    let mut results = Vec::with_capacity(items.len());
    for_each(threads, items, work, |result| results.push(result));
    results
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    fn threads(number: usize) -> NonZeroUsize {
        NonZeroUsize::new(number).expect("more than none")
    }

    #[test]
    fn results_come_in_the_order_of_the_items_by_any_number_of_threads() {
        let work = |item: u64| {
            // The first of every ten takes longest, so that later ones are ready before it.
            std::thread::sleep(Duration::from_micros(if item.is_multiple_of(10) {
                900
            } else {
                1
            }));
            item * item
        };
        for items in [0, 1, 2, 7, 200u64] {
            let expected: Vec<u64> = (0..items).map(|item| item * item).collect();
            for number in [1, 2, 3, 16] {
                let items: Vec<u64> = (0..items).collect();
                assert_eq!(
                    map(threads(number), items, work),
                    expected,
                    "{number} threads"
                );
            }
        }
    }

    #[test]
    fn few_items_are_under_way_while_one_is_slow() {
        const THREADS: usize = 3;
        let begun = AtomicUsize::new(0);
        let mut taken = 0;
        for_each(
            threads(THREADS),
            0..200,
            |item: usize| {
                begun.fetch_add(1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(if item == 20 { 50 } else { 0 }));
            },
            |()| {
                assert!(begun.load(Ordering::SeqCst) <= taken + THREADS * AHEAD);
                taken += 1;
            },
        );
        assert_eq!(taken, 200);
    }

    #[test]
    fn a_panic_ends_it_and_is_passed_on() {
        let result = std::panic::catch_unwind(|| {
            map(threads(2), 0..100, |item: usize| {
                assert!(item != 5, "not this one");
                item
            })
        });
        assert!(result.is_err());
    }
}
