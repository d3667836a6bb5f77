//! What a rule may be made of.
//!
//! Cedar skips a policy that fails to evaluate. Here a skipped rule could be the one that bars, so nothing that could
//! fail is let in: a condition is built from facts of the schema, literals, `==`, `!=`, `<`, `<=`, `>`, `>=`, `contains`,
//! `containsAny`, `containsAll`, `isEmpty`, `&&`, `||` and `!`, and from nothing else. Types and the existence of facts are
//! checked by Cedar's own strict validator; what it cannot see is checked here: that a string compared with a country
//! is a country, that a number compared with a day is a day, and that nothing follows from the mere lack of knowledge.

use std::collections::BTreeSet;
use std::ops::Range;

use cedar_policy_core::ast::{
    ActionConstraint, BinaryOp, EntityReference, EntityUID, Expr, ExprKind, Literal,
    PrincipalOrResourceConstraint, UnaryOp, Var,
};
use cedar_policy_core::parser::Loc;

use super::header::Header;
use super::vocabulary::{FACTS, Kind, MAY_BE_UNKNOWN, day_from_number, kind_of, members};
use crate::demand::{Act, InstrumentKind};
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::world::{AuthorityId, Jurisdiction};

/// Conditions nested deeper than this are refused; nobody could read them, and evaluation recurses.
const DEPTH_MAX: usize = 24;

/// Whom and what the scope of a policy names.
pub(super) struct Scope {
    pub(super) acts: Vec<Act>,
    /// None: any instrument.
    pub(super) instruments: Option<Vec<InstrumentKind>>,
    /// None: any category.
    pub(super) category: Option<String>,
}

/// Checks one policy's scope and conditions, adding to `errors` what is wrong with them.
pub(super) struct Checker<'a> {
    file: &'a SourceFile,
    header: &'a Header,
    /// Where the policy stands, for constructs that carry no place of their own.
    policy: Range<usize>,
    errors: Vec<Diagnostic>,
    /// Facts from whose absence something follows, with where.
    negated: Vec<(&'static str, Range<usize>)>,
    mentioned: BTreeSet<String>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(file: &'a SourceFile, header: &'a Header, policy: Range<usize>) -> Self {
        Checker { file, header, policy, errors: Vec::new(), negated: Vec::new(), mentioned: BTreeSet::new() }
    }

    /// Ends the check.
    pub(super) fn finish(mut self) -> Vec<Diagnostic> {
        for (fact, span) in std::mem::take(&mut self.negated) {
            let (_, known) =
                MAY_BE_UNKNOWN.iter().find(|(f, _)| *f == fact).expect("only such facts are noted");
            if !self.mentioned.contains(*known) {
                let what =
                    format!("the rule turns on what is not in `context.{fact}`, which may just not be known");
                let help = format!("add `context.{known}`, or say what holds when it is false");
                self.error(span, what, help);
            }
        }
        self.errors
    }

    /// Reads the scope: one act or a list of them, any instrument or one, any category or one.
    pub(super) fn scope(&mut self, policy: &cedar_policy_core::ast::Policy) -> Scope {
        let span = self.policy.clone();
        let acts = match policy.action_constraint() {
            ActionConstraint::Eq(uid) => self.act(uid).into_iter().collect(),
            ActionConstraint::In(uids) => uids.iter().filter_map(|uid| self.act(uid)).collect(),
            ActionConstraint::Any => {
                let help = "write `action == Action::\"disclose\"`, or `action in [...]` for several";
                self.error(span.clone(), "the rule does not say which act it is about", help);
                Vec::new()
            }
        };
        let instruments = match policy.principal_constraint().as_inner() {
            PrincipalOrResourceConstraint::Any => None,
            PrincipalOrResourceConstraint::Eq(EntityReference::EUID(uid)) => {
                self.word(uid, span.clone());
                Some(uid_name(uid).parse().into_iter().collect())
            }
            _ => {
                let help = "write `principal`, or `principal == Instrument::\"warrant\"`";
                self.error(span.clone(), "the rule names its instrument in a way that is not allowed", help);
                None
            }
        };
        let category = match policy.resource_constraint().as_inner() {
            PrincipalOrResourceConstraint::Any => None,
            PrincipalOrResourceConstraint::Eq(EntityReference::EUID(uid)) => {
                self.word(uid, span);
                Some(uid_name(uid).to_owned())
            }
            _ => {
                let help = "write `resource`, or `resource == Data::\"content\"`";
                self.error(span, "the rule names its data in a way that is not allowed", help);
                None
            }
        };
        Scope { acts, instruments, category }
    }

    fn act(&mut self, uid: &EntityUID) -> Option<Act> {
        self.word(uid, self.policy.clone());
        Act::ALL.into_iter().find(|act| act.as_str() == uid_name(uid))
    }

    /// Checks that a word is in the vocabulary it is said to be in. `near` is where to point if the word itself has
    /// no place.
    fn word(&mut self, uid: &EntityUID, near: Range<usize>) {
        let type_name = uid.entity_type().to_string();
        let found = uid_name(uid);
        let (what, allowed) = match members(&type_name) {
            Some(members) => (format!("unknown word `{type_name}::\"{found}\"`"), members),
            None if type_name == "Data" => {
                (format!("`{found}` is not a category of this book"), self.header.category_names())
            }
            // Cedar's validator knows the types, and refuses the rest.
            None => return,
        };
        if allowed.contains(found) {
            return;
        }
        let span = uid.loc().map_or(near, range);
        let mut error = self.file.at(span, what).allowed(found, allowed);
        if type_name == "Data" {
            error = error.help("the book's .toml file says what it calls each class of data");
        }
        self.errors.push(error);
    }

    /// Checks a condition. `negated` is true where it stands under an odd number of negations.
    pub(super) fn condition(&mut self, expr: &Expr, negated: bool, depth: usize) {
        if depth > DEPTH_MAX {
            self.error(self.span(expr), "the condition is nested too deeply", "split it into several rules");
            return;
        }
        match expr.expr_kind() {
            ExprKind::And { left, right } | ExprKind::Or { left, right } => {
                // A chain of `&&` leans to the left, so only the right operand goes deeper for a reader.
                self.condition(left, negated, depth);
                self.condition(right, negated, depth + 1);
            }
            ExprKind::UnaryApp { op: UnaryOp::Not, arg } => self.condition(arg, !negated, depth + 1),
            ExprKind::UnaryApp { op: UnaryOp::IsEmpty, arg } => {
                self.operand(arg, !negated);
            }
            ExprKind::BinaryApp {
                op:
                    op @ (BinaryOp::Eq
                    | BinaryOp::Less
                    | BinaryOp::LessEq
                    | BinaryOp::Contains
                    | BinaryOp::ContainsAll
                    | BinaryOp::ContainsAny),
                arg1,
                arg2,
            } => {
                let (left, right) = (self.operand(arg1, negated), self.operand(arg2, negated));
                self.compare(*op, left, arg2);
                self.compare(*op, right, arg1);
            }
            ExprKind::GetAttr { .. } | ExprKind::Lit(Literal::Bool(_)) => {
                self.operand(expr, negated);
            }
            _ => self.not_allowed(expr),
        }
    }

    /// Checks an operand and says what kind of fact it is, if it is one.
    fn operand(&mut self, expr: &Expr, negated: bool) -> Option<Kind> {
        match expr.expr_kind() {
            ExprKind::Lit(Literal::EntityUID(uid)) => {
                self.word(uid, self.span(expr));
                None
            }
            ExprKind::Lit(_) | ExprKind::Var(Var::Principal | Var::Resource) => None,
            ExprKind::Set(members) => {
                for member in members.iter() {
                    match member.expr_kind() {
                        ExprKind::Lit(Literal::EntityUID(uid)) => self.word(uid, self.span(member)),
                        ExprKind::Lit(_) => {}
                        _ => self.not_allowed(member),
                    }
                }
                None
            }
            ExprKind::GetAttr { expr: of, attr } if matches!(of.expr_kind(), ExprKind::Var(Var::Context)) => {
                let kind = kind_of(attr);
                if kind.is_none() {
                    let error = self
                        .file
                        .at(self.span(expr), format!("unknown fact `context.{attr}`"))
                        .allowed(attr, FACTS.iter().map(|(name, _)| *name));
                    self.errors.push(error);
                }
                self.mentioned.insert(attr.to_string());
                if let Some((fact, _)) = MAY_BE_UNKNOWN.iter().find(|(fact, _)| *fact == attr)
                    && negated
                {
                    self.negated.push((fact, self.span(expr)));
                }
                kind
            }
            _ => {
                self.not_allowed(expr);
                None
            }
        }
    }

    /// Checks a literal against the kind of fact it is compared with.
    fn compare(&mut self, op: BinaryOp, fact: Option<Kind>, with: &Expr) {
        let Some(fact) = fact else { return };
        let literals = match with.expr_kind() {
            ExprKind::Lit(_) => std::slice::from_ref(with),
            ExprKind::Set(members) => members.as_slice(),
            _ => return,
        };
        for member in literals {
            match (fact, member.expr_kind()) {
                (Kind::Codes | Kind::Code, ExprKind::Lit(Literal::String(text))) => {
                    let none = fact == Kind::Code && op == BinaryOp::Eq && text.is_empty();
                    if !none && text.parse::<Jurisdiction>().is_err() {
                        let what = format!("`{text}` is not a country or bloc");
                        self.error(
                            self.span(member),
                            what,
                            "write two upper-case letters, such as `IE` or `EU`",
                        );
                    }
                }
                (Kind::Courts, ExprKind::Lit(Literal::String(text)))
                    if text.parse::<AuthorityId>().is_err() =>
                {
                    let what = format!("`{text}` is not the id of a court");
                    self.error(self.span(member), what, "write it as the roster does, such as `us-ca2`");
                }
                (Kind::Day, ExprKind::Lit(Literal::Long(number))) if day_from_number(*number).is_none() => {
                    let what = format!("{number} is not a day");
                    self.error(self.span(member), what, "write year, month and day as one number: 20180323");
                }
                _ => {}
            }
        }
    }

    fn not_allowed(&mut self, expr: &Expr) {
        let what = format!("{} may not be used in a law book", construct(expr));
        let help = "a condition is made of facts, literals, `==` `!=` `<` `<=` `>` `>=`, `contains`, `containsAny`, \
                    `containsAll`, `isEmpty`, `&&`, `||` and `!`: nothing that could fail";
        self.error(self.span(expr), what, help);
    }

    fn error(&mut self, span: Range<usize>, what: impl Into<String>, help: impl Into<String>) {
        self.errors.push(self.file.at(span, what).help(help));
    }

    fn span(&self, expr: &Expr) -> Range<usize> {
        expr.source_loc().map_or_else(|| self.policy.clone(), range)
    }
}

/// What a reader would call an expression that is not allowed.
fn construct(expr: &Expr) -> &'static str {
    match expr.expr_kind() {
        ExprKind::BinaryApp { op: BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul, .. }
        | ExprKind::UnaryApp { op: UnaryOp::Neg, .. } => "arithmetic",
        ExprKind::BinaryApp { op: BinaryOp::In, .. } => "`in`",
        ExprKind::BinaryApp { op: BinaryOp::GetTag | BinaryOp::HasTag, .. } => "a tag",
        ExprKind::ExtensionFunctionApp { .. } => "a call of a function",
        ExprKind::GetAttr { .. } => "an attribute of anything but `context`",
        ExprKind::HasAttr { .. } | ExprKind::ExtHasAttr { .. } => "`has`",
        ExprKind::Like { .. } => "`like`",
        ExprKind::Is { .. } => "`is`",
        ExprKind::If { .. } => "`if`",
        ExprKind::Record(_) => "a record",
        ExprKind::Var(_) => "a bare variable",
        ExprKind::Lit(_) => "a bare literal",
        ExprKind::Set(_) => "a bare set",
        _ => "this expression",
    }
}

/// The instruments that a top-level condition narrows a rule to, if it is of the form
/// `[Instrument::"warrant", ...].contains(principal)`.
pub(super) fn narrowed_to(condition: &Expr) -> Option<Vec<InstrumentKind>> {
    let ExprKind::BinaryApp { op: BinaryOp::Contains, arg1, arg2 } = condition.expr_kind() else {
        return None;
    };
    let (ExprKind::Set(members), ExprKind::Var(Var::Principal)) = (arg1.expr_kind(), arg2.expr_kind()) else {
        return None;
    };
    members
        .iter()
        .map(|member| match member.expr_kind() {
            ExprKind::Lit(Literal::EntityUID(uid)) => uid_name(uid).parse().ok(),
            _ => None,
        })
        .collect()
}

pub(super) fn uid_name(uid: &EntityUID) -> &str {
    uid.eid().as_ref()
}

pub(super) fn range(loc: &Loc) -> Range<usize> {
    loc.start()..loc.end()
}
