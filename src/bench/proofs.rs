//! What a proof costs as the record grows: its size, and the time to make and to check it. Both go with the logarithm.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use tempfile::tempdir_in;

use super::{Failure, Goal, Settings, Sheet, Unit, median};
use crate::disk::RealDisk;
use crate::record::Hash;
use crate::record::bare::BareTree;
use crate::record::storage::FolderStorage;

const SIZES: [u64; 4] = [10_000, 100_000, 1_000_000, 10_000_000];

/// Proofs made at each size, of entries all over the tree.
const PROOFS: u64 = 2_000;

/// Bytes of one hash.
const HASH: f64 = 32.0;

pub fn run(settings: &Settings, sheet: &mut Sheet<'_>) -> Result<(), Failure> {
    let folder = tempdir_in(&settings.folder)?;
    let storage =
        FolderStorage::open(Arc::new(RealDisk), &folder.path().join("served"), &folder.path().join("own"))?;
    let mut tree = BareTree::new(storage);
    let mut first: Option<Taken> = None;
    for size in SIZES {
        let from = tree.head().size;
        tree.grow((from..size).map(leaf))?;
        let taken = measure(&mut tree)?;
        let compared = first.get_or_insert(taken);
        let (small, depth) = (SIZES[0], (size as f64).log2().ceil());
        // As many levels more, so many times as long; twice that is still no other growth.
        let goal = Goal::RatioAtLeast((small as f64).log2() / (size as f64).log2() / 2.0);
        let among = format!("among {small} entries");
        sheet
            .add(
                format!("longest proof that one of {size} entries is in the record"),
                taken.bytes,
                Unit::Bytes,
            )
            .beside(among.clone(), compared.bytes)
            .goal(Goal::AtMost(HASH * depth))
            .write();
        sheet
            .add(format!("… longest that {size} entries extend fewer"), taken.extending, Unit::Bytes)
            .beside(among.clone(), compared.extending)
            .goal(Goal::AtMost(HASH * (depth + 1.0)))
            .write();
        sheet
            .add("… made from the tiles, one entry", taken.made, Unit::Microseconds)
            .beside(among.clone(), compared.made)
            .write();
        sheet
            .add("… checked, one entry", taken.checked, Unit::Microseconds)
            .beside(among, compared.checked)
            .goal(goal)
            .write();
    }
    Ok(())
}

fn leaf(index: u64) -> Hash {
    Hash::of_leaf(&index.to_be_bytes())
}

/// Bytes, and medians in microseconds.
#[derive(Clone, Copy)]
struct Taken {
    bytes: f64,
    extending: f64,
    made: f64,
    checked: f64,
}

fn measure(tree: &mut BareTree) -> Result<Taken, Failure> {
    let head = tree.head();
    let (mut bytes, mut extending) = (0.0f64, 0.0f64);
    let (mut made, mut checked) = (Vec::new(), Vec::new());
    for number in 0..PROOFS {
        // All over the tree, and never the same tile twice in a row.
        let index = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) % head.size;
        let start = Instant::now();
        let proof = tree.prove_inclusion(index)?;
        made.push(start.elapsed().as_secs_f64() * 1e6);
        let leaf = leaf(index);
        let start = Instant::now();
        let holds = black_box(BareTree::is_in(head, &proof, index, leaf));
        checked.push(start.elapsed().as_secs_f64() * 1e6);
        if !holds {
            return Err(format!("the proof of entry {index} of {} does not hold", head.size).into());
        }
        bytes = bytes.max(proof.len() as f64 * HASH);
        if number % 10 == 0 {
            let proof = tree.prove_consistency(index.max(1))?;
            extending = extending.max(proof.len() as f64 * HASH);
        }
    }
    Ok(Taken { bytes, extending, made: median(made), checked: median(checked) })
}
