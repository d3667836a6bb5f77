//! Who may make which order in a matter. The world's files say who is a court, who reviews whom, and what a body that
//! is no court may order; nothing here knows a country.

use super::order::{Order, OrderEffect, Paper};
use super::standing::Orders;
use crate::demand::Demand;
use crate::world::{AuthorityId, OrderKind, Roster};

/// Why an order cannot be made.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotCompetent {
    #[error("`{by}` is not on the roster")]
    Unknown { by: AuthorityId },
    #[error(
        "`{by}` has no say over `{issuer}`: it did not issue or approve the demand, and does not review who did"
    )]
    NoSay { by: AuthorityId, issuer: AuthorityId },
    #[error("`{by}` is no court, and its file does not say that it may make an order that {kind}")]
    NoCourt { by: AuthorityId, kind: OrderKind },
    #[error("the order ends `{0}`, and no such order was made in this matter")]
    NoSuchOrder(String),
    #[error("`{0}` is a filing: a court rules on it, and ends only orders")]
    NotAnOrder(String),
    #[error(
        "`{by}` cannot end `{order}`: only `{maker}`, who made it, and a court that reviews `{maker}` can"
    )]
    NotItsOrder { by: AuthorityId, order: String, maker: AuthorityId },
    #[error(
        "`{by}` cannot make an order that {kind} what `{order}` of `{maker}` compels: `{maker}` reviews `{by}`"
    )]
    AgainstReview { by: AuthorityId, kind: OrderKind, order: String, maker: AuthorityId },
}

/// Whether an order may be made in a matter, with the papers entered before it.
///
/// Whoever makes it is a court that issued or approved the demand, or that reviews who did; or it is another body with
/// a part in the demand, and the world's files say that it may make orders of that kind. It ends only orders of its
/// own, and of those whom it reviews; and it does not relieve of what a court that reviews it has ordered.
pub fn check_order(
    roster: &Roster,
    demand: &Demand,
    papers: &[Paper],
    order: &Order,
) -> Result<(), NotCompetent> {
    let by = &order.by;
    let maker = roster.authority(by).map_err(|_| NotCompetent::Unknown { by: by.clone() })?;
    let demanding = [Some(&demand.issuing), demand.validating.as_ref()];
    let over = |body: &&AuthorityId| *body == by || roster.reviews(by, body);
    let notified = demand.enforcing.as_ref() == Some(by);
    if !demanding.iter().flatten().any(over) && !notified {
        return Err(NotCompetent::NoSay { by: by.clone(), issuer: demand.issuing.clone() });
    }
    let kind = order.effect.kind();
    if !maker.kind().is_judicial() && !maker.may_order(kind) {
        return Err(NotCompetent::NoCourt { by: by.clone(), kind });
    }
    for ended in order.effect.ends() {
        match papers.iter().find(|paper| paper.id() == ended) {
            Some(Paper::Order(earlier)) if earlier.by == *by || roster.reviews(by, &earlier.by) => {}
            Some(Paper::Order(earlier)) => {
                let maker = earlier.by.clone();
                return Err(NotCompetent::NotItsOrder { by: by.clone(), order: ended.to_string(), maker });
            }
            Some(Paper::Filing(_)) => return Err(NotCompetent::NotAnOrder(ended.to_string())),
            None => return Err(NotCompetent::NoSuchOrder(ended.to_string())),
        }
    }
    match ordered_above(roster, papers, order) {
        Some(above) if kind.relieves() => Err(NotCompetent::AgainstReview {
            by: by.clone(),
            kind,
            order: above.id.to_string(),
            maker: above.by.clone(),
        }),
        _ => Ok(()),
    }
}

/// An order in force that compels some of the same items, of a court that reviews the maker of this one.
fn ordered_above<'p>(roster: &Roster, papers: &'p [Paper], order: &Order) -> Option<&'p Order> {
    let orders = Orders::of_any(papers);
    papers.iter().enumerate().find_map(|(place, paper)| match paper {
        Paper::Order(above)
            if matches!(above.effect, OrderEffect::Compels)
                && roster.reviews(&above.by, &order.by)
                && above.on.meets(&order.on)
                && orders.holds(place, order.from) =>
        {
            Some(above)
        }
        _ => None,
    })
}
