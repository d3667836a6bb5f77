use std::future::Future;

use super::moment::Moment;
use super::past::Past;
use super::script::{AccountSpec, RouteTaken, Script, Setting};
use super::view::{AccountView, Happening, HeardRule, MatterView, RecordHead};
use crate::clock::SimTime;
use crate::demand::{Demand, DemandId};
use crate::gate::{Filing, Order, StanceChange};
use crate::world::Address;

/// The stage on which a script plays: a whole provider with its regions, courts and clock.
///
/// The player calls one method at a time, and the next only when the last has returned. A method returns when all
/// that follows from it at that instant is over: decisions made, entries cosigned, regions answered. A refusal by
/// the gate, and a demand sent back at intake, are answers and no errors; an error ends the play.
///
/// What a method returns came about during the call, in order.
pub trait Stage: Send {
    type Error: std::error::Error + Send + Sync + 'static;

    /// What of this script has happened on it before, where a play was interrupted and goes on. Asked before anything
    /// else; if it is not nothing, the stage is set and the accounts are open.
    fn past(&mut self, _script: &Script) -> impl Future<Output = Result<Past, Self::Error>> + Send {
        async { Ok(Past::default()) }
    }

    /// Sets up the world as the script wants it, with the clock at `start`. Called once, before anything happens.
    fn set(
        &mut self,
        setting: &Setting,
        start: Moment,
        seed: &str,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Opens an account with its mail; the standard world's own accounts are there already, so opening one of the
    /// story may find it open.
    fn open_account(&mut self, account: &AccountSpec)
    -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Moves the clock forward, and plays out in order what falls due on the way: timers, stays that end, laws that
    /// change, stages of a treaty route and the local order at its end.
    fn advance_to(
        &mut self,
        time: SimTime,
    ) -> impl Future<Output = Result<Vec<Happening>, Self::Error>> + Send;

    /// The provider receives a demand; the stage signs it with its issuer's key, and the gate decides.
    fn receive(
        &mut self,
        demand: &Demand,
    ) -> impl Future<Output = Result<Vec<Happening>, Self::Error>> + Send;

    /// A court or authority makes an order in a matter.
    fn enter_order(
        &mut self,
        matter: &DemandId,
        order: &Order,
    ) -> impl Future<Output = Result<Vec<Happening>, Self::Error>> + Send;

    /// A party files something in a matter.
    fn enter_filing(
        &mut self,
        matter: &DemandId,
        filing: &Filing,
    ) -> impl Future<Output = Result<Vec<Happening>, Self::Error>> + Send;

    /// The provider changes its stance; open matters are decided again.
    fn change_stance(
        &mut self,
        change: &StanceChange,
    ) -> impl Future<Output = Result<Vec<Happening>, Self::Error>> + Send;

    /// The authority takes the treaty route. The order that answers it arrives later, in `advance_to`, as a demand
    /// with the id that `route.answer` says.
    fn take_route(
        &mut self,
        route: &RouteTaken,
    ) -> impl Future<Output = Result<Vec<Happening>, Self::Error>> + Send;

    /// A matter as it stands now; `None` if nothing of that id was received.
    fn matter(
        &mut self,
        matter: &DemandId,
    ) -> impl Future<Output = Result<Option<MatterView>, Self::Error>> + Send;

    /// How it stands with some rules in the newest decision on every act and item of a matter; nothing if nothing was
    /// decided.
    fn hear(
        &mut self,
        matter: &DemandId,
        rules: &[String],
    ) -> impl Future<Output = Result<Vec<HeardRule>, Self::Error>> + Send;

    /// Where an account's copies rest now, and who may and can read them.
    fn look_at(&mut self, account: &Address)
    -> impl Future<Output = Result<AccountView, Self::Error>> + Send;

    /// The head of the record now.
    fn record_head(&mut self) -> impl Future<Output = Result<RecordHead, Self::Error>> + Send;
}
