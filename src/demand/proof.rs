use serde::{Deserialize, Serialize};

/// What the issuer was satisfied of, from most to least.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProofLevel {
    ProbableCause,
    ReasonableGrounds,
    ArticulableFacts,
    Relevance,
    None,
}

impl ProofLevel {
    pub fn as_str(self) -> &'static str {
        match self {
            ProofLevel::ProbableCause => "probable-cause",
            ProofLevel::ReasonableGrounds => "reasonable-grounds",
            ProofLevel::ArticulableFacts => "articulable-facts",
            ProofLevel::Relevance => "relevance",
            ProofLevel::None => "none",
        }
    }
}
