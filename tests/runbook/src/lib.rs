//! Pages for operators that are tests: a page's commands are read out of it and run in order in a world in which
//! its incident happens, and what they print has to be what the page shows.
//!
//! A page is Markdown. In its blocks marked `console`, a line `$ …` is a command for the shell, and what follows up to
//! the next one is everything that it prints, standard error after standard output, and `[exit N]` where that is not 0.
//! Two comments, which no reader of the page sees, steer the test:
//!
//! - `<!-- test: NAME -->`: something happens now that is not the operator's doing; the test knows what.
//! - `<!-- test: soon -->`: the commands of the next block are repeated until they say what the page shows.
//!
//! What differs between runs has a name: `<good>` where the test gave an id a name, `<id-1>` for any other, `<time>`,
//! `<n> s`, and `/srv` for the folder of the world. The same names in commands stand for the same things.
//!
//! `SNAPSHOTS=overwrite` writes what was printed into the pages.

mod names;
mod page;
mod world;

pub use world::{Running, TestResult, World};
