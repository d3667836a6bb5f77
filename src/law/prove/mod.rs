//! Claims about the law, proved over all questions or refuted by one.
//!
//! A law test asks one question. A claim speaks of all of them: *no* process of a federal court of the Second Circuit
//! compels …, *whatever* was compelled before is compelled after. The law books are few, their conditions plain and
//! their facts finite in kind, so a solver can decide such a sentence outright.
//!
//! [`Claim`] is what is claimed, read from a file. [`prove`] turns it into formulas over the very conditions of the law
//! books, asks a solver, and says what came out as a [`Proof`]. What refutes a claim is looked for once more among the
//! things of a world (`Scene`), so that it is a demand that can be filed ([`Example`]), and is then asked of
//! the engine that decides for real.
//!
//! What is proved is proved of the rules as they are encoded: of their revision, and no surer than the least sure source
//! that they were read in. Nothing here knows a country.

mod claim;
mod encode;
mod example;
mod formula;
mod query;
mod raw;
mod read;
mod result;
mod scene;
mod scope;
mod search;
mod solver;
mod words;

#[cfg(test)]
mod tests;

pub use claim::{Claim, Expected, Given};
pub use example::Example;
pub use result::{Finding, Proof, Verdict};
pub use search::prove;
pub use solver::{SolverError, find_solver};
