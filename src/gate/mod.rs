//! Intake, matter, decision, conduct, treaty route.

mod order;

pub use order::{
    BadPaperId, Filing, FilingKind, Meter, Order, OrderEffect, Paper, PaperId, Party, PerDay, Selector,
    Standing, meters,
};
