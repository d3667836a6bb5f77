//! The solver: another program, `cvc5`, that is handed logic and answers whether it can be true.
//!
//! What turns Cedar into logic is `cedar-policy-symcc`, whose translation was itself proved right in Lean by its authors.
//! It is built in with the feature `prove`; without it there is no way to make a [`Solver`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cedar_policy::EvalResult;

/// Why nothing was proved.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SolverError {
    #[error(
        "this program was built without its prover: install cvc5 (Debian and Ubuntu: apt install cvc5), and build it again \
         with `cargo build --release --features prove`; `rogatory law prove --list` works without"
    )]
    NotBuilt,
    #[error(
        "the solver `{}` is not there; install cvc5 (Debian and Ubuntu: apt install cvc5; else \
         https://cvc5.github.io), or name it with --solver or ROGATORY_SOLVER",
        .0.display()
    )]
    Missing(PathBuf),
    #[error("the solver `{}` cannot be started: {why}", path.display())]
    Start { path: PathBuf, why: String },
    #[error("the solver gave up: {0}")]
    Failed(String),
}

impl SolverError {
    /// What keeps this program from proving anything, whatever solver there is.
    pub fn unless_built() -> Result<(), SolverError> {
        if cfg!(feature = "prove") { Ok(()) } else { Err(SolverError::NotBuilt) }
    }
}

/// The facts of a question that the solver came up with.
#[derive(Clone, Debug)]
pub(super) struct Model {
    pub(super) instrument: String,
    pub(super) facts: BTreeMap<String, EvalResult>,
}

/// A file of this name on the path, or at this path.
pub fn find_solver(name: &Path) -> Option<PathBuf> {
    if name.components().count() > 1 {
        return name.is_file().then(|| name.to_owned());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

#[cfg(feature = "prove")]
mod cvc5 {
    use cedar_policy::{EntityTypeName, EvalResult, PolicyId, RequestEnv, Schema};
    use cedar_policy_core::ast::{self, Expr};
    use cedar_policy_symcc::err::Error;
    use cedar_policy_symcc::solver::LocalSolver;
    use cedar_policy_symcc::{CedarSymCompiler, CompiledPolicy};
    use tokio::process::Command;

    use super::super::formula::known;
    use super::{Model, Path, SolverError};
    use crate::demand::Act;
    use crate::law::book::Article;
    use crate::law::vocabulary::{FACTS, action};

    /// How long the solver may think about one formula, in milliseconds.
    const PATIENCE: &str = "--tlimit-per=20000";

    /// A running solver. It ends when this is dropped.
    pub(in crate::law::prove) struct Solver {
        compiler: CedarSymCompiler<LocalSolver>,
        schema: Schema,
        principal: EntityTypeName,
        resource: EntityTypeName,
    }

    impl Solver {
        pub(in crate::law::prove) fn start(path: &Path, schema: &Schema) -> Result<Self, SolverError> {
            let cannot = |why: String| SolverError::Start { path: path.to_owned(), why };
            let mut command = Command::new(path);
            command.args(["--lang", "smt", PATIENCE]).kill_on_drop(true);
            let solver =
                LocalSolver::from_command(&mut command).map_err(|error| cannot(with_causes(&error)))?;
            let compiler = CedarSymCompiler::new(solver).map_err(|error| cannot(with_causes(&error)))?;
            let name = |text: &str| text.parse::<EntityTypeName>().map_err(|error| cannot(error.to_string()));
            Ok(Solver {
                compiler,
                schema: schema.clone(),
                principal: name("Instrument")?,
                resource: name("Data")?,
            })
        }

        /// A question of which a formula is true; none if there is none.
        pub(in crate::law::prove) async fn satisfy(
            &mut self,
            act: Act,
            formula: &Expr,
        ) -> Result<Option<Model>, SolverError> {
            if known(formula) == Some(false) {
                return Ok(None);
            }
            let policy = ast::Policy::from_when_clause(
                ast::Effect::Permit,
                formula.clone(),
                ast::PolicyID::from_string("claim"),
                None,
            );
            let policy = cedar_policy::Policy::from(policy).new_id(PolicyId::new("claim"));
            let compiled = self.compile(&policy, act)?;
            let found = self.compiler.check_never_matches_with_counterexample_opt(&compiled).await;
            Ok(found.map_err(failed)?.map(|env| {
                let context = env.request.context();
                let value =
                    |name: &str| -> Option<EvalResult> { context.and_then(|context| context.get(name)) };
                let facts = FACTS.iter().filter_map(|(name, _)| Some(((*name).to_owned(), value(name)?)));
                let instrument = env.request.principal().map(|uid| uid.id().unescaped().to_owned());
                Model { instrument: instrument.unwrap_or_default(), facts: facts.collect() }
            }))
        }

        /// True if no question makes the rule fail to evaluate.
        pub(in crate::law::prove) async fn never_errors(
            &mut self,
            article: &Article,
            act: Act,
        ) -> Result<bool, SolverError> {
            let compiled = self.compile(&article.policy, act)?;
            self.compiler.check_never_errors_opt(&compiled).await.map_err(failed)
        }

        fn compile(&self, policy: &cedar_policy::Policy, act: Act) -> Result<CompiledPolicy, SolverError> {
            let env = RequestEnv::new(self.principal.clone(), action(act).clone(), self.resource.clone());
            CompiledPolicy::compile(policy, &env, &self.schema).map_err(failed)
        }
    }

    fn failed(error: Error) -> SolverError {
        let mut text = with_causes(&error);
        if let Error::PolicyNotWellTyped { errs } = &error {
            text.extend(errs.iter().map(|error| format!("; {error}")));
        }
        SolverError::Failed(text)
    }

    fn with_causes(error: &dyn std::error::Error) -> String {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            text = format!("{text}: {inner}");
            cause = inner.source();
        }
        text
    }
}

#[cfg(feature = "prove")]
pub(super) use cvc5::Solver;

/// Without the feature there is none.
#[cfg(not(feature = "prove"))]
pub(super) enum Solver {}

#[cfg(not(feature = "prove"))]
impl Solver {
    pub(super) fn start(_: &Path, _: &cedar_policy::Schema) -> Result<Self, SolverError> {
        Err(SolverError::NotBuilt)
    }

    pub(super) async fn satisfy(
        &mut self,
        _: crate::demand::Act,
        _: &cedar_policy_core::ast::Expr,
    ) -> Result<Option<Model>, SolverError> {
        match *self {}
    }

    pub(super) async fn never_errors(
        &mut self,
        _: &crate::law::book::Article,
        _: crate::demand::Act,
    ) -> Result<bool, SolverError> {
        match *self {}
    }
}
