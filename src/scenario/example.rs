//! A proof's example as a script, so that what refutes a claim can be played, changed and discussed.

use std::fmt::Write;

use crate::demand::Demand;
use crate::law::prove::{Example, Proof, Verdict};

/// The script of an example: its world, its account, its demand, and the position that the law is expected to take.
pub fn written_example(proof: &Proof, example: &Example) -> String {
    let mut script = String::new();
    write_script(&mut script, proof, example).expect("a string takes whatever is written to it");
    script
}

fn write_script(script: &mut String, proof: &Proof, example: &Example) -> std::fmt::Result {
    let demand = &example.demand;
    writeln!(script, "# Found by `rogatory law prove {}`, of the law books of revision", proof.id)?;
    let what = if proof.verdict == Verdict::Refuted { "It refutes" } else { "It is an example of" };
    writeln!(script, "# {}. {what} this claim:", proof.revision)?;
    for line in wrapped(&proof.says) {
        writeln!(script, "#   {line}")?;
    }
    writeln!(script, "\ntitle = {}", quoted(&format!("An example for {}", proof.id)))?;
    writeln!(script, "start = {}", quoted(&example.received.plus_seconds(-3600).to_string()))?;
    writeln!(script, "seed = {}\n", quoted(&format!("example {}", proof.id)))?;
    writeln!(script, "{}", example.world)?;
    for (name, address) in example.holder_names() {
        writeln!(script, "[[account]]\nname = {}\naddress = {}", quoted(&name), quoted(address.as_str()))?;
        writeln!(script, "holder = \"Somebody\"")?;
        writeln!(script, "declared-country = {}", quoted(example.holder.declared_country.as_str()))?;
        writeln!(script, "contracted-with = {}", quoted(demand.served_on.as_str()))?;
        for (key, country) in
            [("residence", &example.holder.residence), ("nationality", &example.holder.nationality)]
        {
            if let Some(country) = country {
                writeln!(script, "{key} = {}", quoted(country.as_str()))?;
            }
        }
        writeln!(script, "\n[[account.message]]")?;
        writeln!(script, "date = {}", quoted(&example.received.plus_days(-30).to_string()))?;
        writeln!(script, "from = \"friend@letters.example\"\nto = [{}]", quoted(address.as_str()))?;
        writeln!(script, "subject = \"News\"\nbody = \"There is not much.\"\n")?;
    }
    writeln!(script, "[[step]]\nat = {}\ntitle = \"The demand\"\n", quoted(&example.received.to_string()))?;
    write_demand(script, example)?;
    writeln!(script, "\n[[step.expect]]\nmatter = {}", quoted(demand.id.as_str()))?;
    writeln!(script, "class = {}\nact = {}", quoted(example.class.as_str()), quoted(example.act.as_str()))?;
    let position = &example.position;
    writeln!(script, "positions = {{ {} = {} }}", position.jurisdiction, quoted(position.kind.as_str()))?;
    let rules: Vec<String> = position.rules.iter().map(|hit| quoted(&hit.id)).collect();
    writeln!(script, "because = [{}]", rules.join(", "))
}

fn write_demand(script: &mut String, example: &Example) -> std::fmt::Result {
    let demand: &Demand = &example.demand;
    let accounts: Vec<String> = example.holder_names().map(|(name, _)| quoted(&name)).collect();
    let acts: Vec<String> = demand.acts.iter().map(|act| quoted(act.as_str())).collect();
    writeln!(script, "[step.demand]")?;
    writeln!(script, "id = {}", quoted(demand.id.as_str()))?;
    writeln!(script, "accounts = [{}]", accounts.join(", "))?;
    writeln!(script, "instrument = {}", quoted(demand.instrument.as_str()))?;
    writeln!(script, "basis = {}", quoted(&demand.basis))?;
    writeln!(script, "issuing = {}", quoted(demand.issuing.as_str()))?;
    for (key, authority) in [("validating", &demand.validating), ("enforcing", &demand.enforcing)] {
        if let Some(authority) = authority {
            writeln!(script, "{key} = {}", quoted(authority.as_str()))?;
        }
    }
    writeln!(script, "on-behalf-of = {}", quoted(demand.on_behalf_of.as_str()))?;
    writeln!(script, "served-on = {}", quoted(demand.served_on.as_str()))?;
    writeln!(script, "issued = {}", quoted(&demand.issued.to_string()))?;
    writeln!(script, "proof = {}", quoted(demand.proof.as_str()))?;
    let offence = &demand.offence;
    writeln!(
        script,
        "offence = {{ description = {}, max-penalty-years = {}, listed = {}, place = {} }}",
        quoted(&offence.description),
        offence.max_penalty_years,
        offence.listed,
        quoted(offence.place.as_str())
    )?;
    writeln!(script, "acts = [{}]", acts.join(", "))?;
    writeln!(script, "classes = [{}]", quoted(example.class.as_str()))?;
    writeln!(script, "term = {}\npurpose = {}", worded(&demand.term), worded(&demand.purpose))?;
    writeln!(script, "emergency = {}", demand.emergency)?;
    writeln!(script, "deliver-to = {}", quoted(demand.deliver_to.as_str()))?;
    if let Some(executes) = &demand.executes {
        writeln!(
            script,
            "executes = {{ requesting = {}, treaty = {}, use-limit = {} }}",
            quoted(executes.requesting.as_str()),
            quoted(&executes.treaty),
            quoted(&executes.use_limit)
        )?;
    }
    Ok(())
}

/// A member of a closed vocabulary, as files write it.
fn worded(member: &impl serde::Serialize) -> String {
    toml::Value::try_from(member).map_or_else(|_| "\"\"".to_owned(), |word| word.to_string())
}

/// A TOML string.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if !line.is_empty() && line.len() + word.len() > 100 => lines.push(word.to_owned()),
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(word.to_owned()),
        }
    }
    lines
}
