//! Which way mail and passwords go: from a mail client to the region where the account is at home, past head office.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use base64::Engine;
use futures_util::future::BoxFuture;
use rogatory::provider::{Ask, Control, Deployment, Told, client_folder};
use rogatory::region::{
    Answer, Body, Call, Context, Credentials, ErrorCode, Link, LinkLimits, Password, Peer, Reply,
    ServerLimits, Service, ServiceError, SharedService, Wan, credentials_path, serve,
};
use rogatory::world::{DataClass, RegionId};

use crate::common::*;

const CORK: &str = "cork@post.example";
const YORK: &str = "york@post.example";

async fn started(data: &Path) -> Deployment {
    let mut deployment = Deployment::start(options_of_processes(data)).await.unwrap();
    for (account, country) in [(CORK, "IE"), (YORK, "US")] {
        open_account(&mut deployment.provider, account, country).await;
    }
    deployment
}

fn region(id: &str) -> RegionId {
    id.parse().unwrap()
}

fn link(deployment: &Deployment, as_whom: &Credentials, to: &str) -> Link<Call, Reply> {
    let peer = Peer::Region(region(to));
    let address = deployment.supervisor().unwrap().address(&peer).unwrap();
    Link::over_network(as_whom, peer, address, LinkLimits::default(), Wan::none()).unwrap()
}

async fn call(link: &Link<Call, Reply>, call: Call, body: Vec<u8>) -> Result<Reply, ServiceError> {
    Ok(link.call(call, Body::from(body)).await?.reply)
}

fn delivery(onward: Vec<(RegionId, DataClass)>) -> Call {
    let classes = vec![DataClass::Content, DataClass::Traffic];
    Call::Deliver { to: address(CORK), classes, onward, received: Some(start()), owner: None }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn head_office_may_neither_bring_nor_fetch_mail_and_a_client_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let deployment = started(&data).await;
    let head_office = link(&deployment, deployment.credentials().unwrap(), "ie-dublin");
    let client = Credentials::load(&credentials_path(&client_folder(&data))).unwrap();
    let client_credentials = client.clone();
    let client = link(&deployment, &client, "ie-dublin");
    let virginia = Credentials::load(&credentials_path(&data.join("regions/us-virginia"))).unwrap();
    let virginia = link(&deployment, &virginia, "ie-dublin");

    let to_virginia = vec![(region("us-virginia"), DataClass::Traffic)];
    let reply = call(&client, delivery(to_virginia), message(1)).await.unwrap();
    let Reply::Stored(stored) = &reply else { panic!("{reply:?}") };
    let [onward] = stored.onward.as_slice() else { panic!("{stored:?}") };
    let export = || Call::Export { account: address(CORK), password: Password::new(CORK) };
    let put = |class| Call::PutRow { account: address(CORK), class, row: onward.row.clone() };

    for mail in [delivery(Vec::new()), export(), put(DataClass::Traffic), Call::Intake] {
        for link in [&head_office, &virginia] {
            assert_eq!(call(link, mail.clone(), message(2)).await.unwrap_err().code, ErrorCode::Forbidden);
        }
    }
    for order in
        [Call::Status, Call::Mailboxes, Call::Rotate, Call::Shred, Call::Copies { account: address(CORK) }]
    {
        for link in [&client, &virginia] {
            let error = call(link, order.clone(), Vec::new()).await.unwrap_err();
            assert_eq!(error.code, ErrorCode::Forbidden);
        }
    }
    assert!(matches!(call(&client, export(), Vec::new()).await, Ok(Reply::Mailbox { messages: 1 })));
    let wrong = Call::Export { account: address(CORK), password: Password::new("a guess") };
    assert_eq!(call(&client, wrong, Vec::new()).await.unwrap_err().code, ErrorCode::Forbidden);

    // The row for Virginia is a row there, and nowhere else, and of nothing else.
    let text = serde_json::to_value(&onward.row).unwrap();
    let sealed = base64::engine::general_purpose::STANDARD.decode(text.as_str().unwrap()).unwrap();
    assert!(!String::from_utf8_lossy(&sealed).contains("elsewhere.example"));
    let to_virginia = link(&deployment, &client_credentials, "us-virginia");
    for (link, class) in [(&client, DataClass::Traffic), (&to_virginia, DataClass::AddressBook)] {
        assert_eq!(call(link, put(class), Vec::new()).await.unwrap_err().code, ErrorCode::Invalid);
    }
    for _ in 0..2 {
        call(&to_virginia, put(DataClass::Traffic), Vec::new()).await.unwrap();
    }
    let copies = deployment.provider.where_is(&address(CORK)).await.unwrap().copies;
    let there = copies.iter().find(|c| c.class == DataClass::Traffic && c.region == region("us-virginia"));
    assert_eq!(there.unwrap().objects, 1);
    deployment.stop().await;
}

/// Everything that head office is asked and answers, as it would find it in its memory.
struct Overheard {
    control: Control,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Service for Overheard {
    type Call = Ask;
    type Reply = Told;

    fn call(
        &self,
        context: Context,
        ask: Ask,
        body: Body,
    ) -> BoxFuture<'_, Result<Answer<Told>, ServiceError>> {
        Box::pin(async move {
            let body = body.collect(usize::MAX).await?;
            let asked = serde_json::to_vec(&ask).unwrap();
            let answer = self.control.call(context, ask, Body::from(body.clone())).await?;
            let told = serde_json::to_vec(&answer.reply).unwrap();
            let told_body = answer.body.collect(usize::MAX).await?;
            let mut heard = self.heard.lock().unwrap();
            for part in [asked.as_slice(), &body, &told, &told_body] {
                heard.extend_from_slice(part);
                heard.push(b'\n');
            }
            Ok(Answer::with_body(answer.reply, told_body))
        })
    }
}

fn program(data: &Path, arguments: &[&str], password: &str, input: &[u8]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rogatory"));
    command.args(["mail"]).args(arguments).arg("--data").arg(data).env("ROGATORY_PASSWORD", password);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A program that refuses its arguments does not read.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn what_is_sent_imported_and_exported_passes_by_head_office() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (provider, held) = started(&data).await.split();
    let provider = Arc::new(provider);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let control: SharedService<Ask, Told> =
        Arc::new(Overheard { control: Control(provider.clone()), heard: heard.clone() });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    std::fs::write(data.join("head-office/address"), format!("{}\n", listener.local_addr().unwrap()))
        .unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let credentials = held.credentials().unwrap().clone();
    let serving = tokio::spawn(async move {
        let until = async { drop(stopped.await) };
        serve(listener, &credentials, control, ServerLimits::default(), until).await.unwrap();
    });
    let run = |arguments: Vec<String>, password: &'static str, input: &'static str| {
        let data = data.clone();
        async move {
            let run = move || {
                let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
                program(&data, &arguments, password, input.as_bytes())
            };
            tokio::task::spawn_blocking(run).await.unwrap()
        }
    };
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();

    let send = format!("send --from {CORK} --to {YORK} --to {CORK} --subject Xyzzy");
    let wrong = run(words(&send), "a guess", "not to be sent\n").await;
    assert_eq!(wrong.status.code(), Some(1));
    assert!(mailbox(&provider, YORK).await.is_empty(), "it went out with a wrong password");
    let sent = run(words(&send), CORK, "plugh, said the cave\n").await;
    let printed = String::from_utf8(sent.stdout).unwrap();
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
    assert!(printed.contains("keeps a copy in ie-dublin"), "{printed}");
    assert!(printed.contains("york@post.example has it in us-"), "{printed}");

    let eml = folder.path().join("old.eml");
    std::fs::write(&eml, "From: york@post.example\nSubject: frobnicate\n\nfrotz\n").unwrap();
    let import = run(vec!["import".into(), YORK.into(), eml.display().to_string()], YORK, "").await;
    assert!(import.status.success(), "{}", String::from_utf8_lossy(&import.stderr));
    // A whole message goes out as it is, if it is from its sender.
    let whole = format!("send --from {YORK} --to {CORK} {}", eml.display());
    assert!(run(words(&whole), YORK, "").await.status.success());
    let not_theirs = run(words(&format!("send --from {CORK} --to {YORK} {}", eml.display())), CORK, "").await;
    assert_eq!(not_theirs.status.code(), Some(1));
    let strangers =
        run(words(&format!("send --from {CORK} --to a@b.example {}", eml.display())), CORK, "").await;
    let said = String::from_utf8(strangers.stderr).unwrap();
    assert!(said.contains("mail goes only to mailboxes of this provider"), "{said}");
    let mbox = folder.path().join("york.mbox");
    let export = run(vec!["export".into(), YORK.into(), mbox.display().to_string()], YORK, "").await;
    assert!(export.status.success(), "{}", String::from_utf8_lossy(&export.stderr));
    let mbox = std::fs::read_to_string(&mbox).unwrap();
    assert!(mbox.contains("plugh, said the cave") && mbox.contains("frotz"), "{mbox}");

    {
        let (cork, york) = (mailbox(&provider, CORK).await, mailbox(&provider, YORK).await);
        assert_eq!((cork.len(), york.len()), (2, 2));
        assert_eq!(cork[0], york[0], "one message, once in each mailbox");
    }
    let heard = String::from_utf8_lossy(&heard.lock().unwrap()).into_owned();
    assert!(heard.contains("\"route\"") && heard.contains(YORK), "{heard}");
    for secret in ["a guess", "Xyzzy", "plugh", "frobnicate", "frotz", "\"password\""] {
        assert!(!heard.contains(secret), "head office heard `{secret}`: {heard}");
    }
    drop(stop);
    serving.await.unwrap();
    held.stop().await;
}
