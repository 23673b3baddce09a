//! For the tests and previews of apps: the scripted server, and clients with rows for screens.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::value::RawValue;

use super::CallbackError;
use super::client::NativeClient;
use super::error::{ApiError, ApiResult, ErrorKind, Problem, misuse};
use crate::net::Endpoint;
use crate::testing::{Backup, Preview, Refusal, SOON, Server, Transaction, preview};

/// What a server is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum NativeEndpoint {
    /// To take mutations.
    Push,
    /// For changes.
    Pull,
    /// For everything.
    Snapshot,
}

impl From<NativeEndpoint> for Endpoint {
    fn from(endpoint: NativeEndpoint) -> Self {
        match endpoint {
            NativeEndpoint::Push => Self::Push,
            NativeEndpoint::Pull => Self::Pull,
            NativeEndpoint::Snapshot => Self::Snapshot,
        }
    }
}

/// A mutation that the server has applied.
#[derive(Clone, uniffi::Record)]
pub struct NativeApplied {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its scope.
    pub scope: String,
    /// Its arguments, as JSON.
    pub args: String,
}

/// What a mutation of the app's own does at the server.
#[uniffi::export(foreign)]
pub trait Mutate: Send + Sync {
    /// Applies it, or gives why not. Called again if something else has changed meanwhile.
    fn mutate(&self, transaction: Arc<NativeTransaction>) -> Result<Option<NativeRefusal>, CallbackError>;
}

/// Why a mutation is not applied.
#[derive(Clone, uniffi::Record)]
pub struct NativeRefusal {
    /// `conflict`, for instance. None: it is to be tried again.
    pub code: Option<String>,
    /// For a person.
    pub message: String,
}

impl From<NativeRefusal> for Refusal {
    fn from(NativeRefusal { code, message }: NativeRefusal) -> Self {
        let Some(code) = code else { return Self::temporary(message) };
        // A rule runs while a client waits for its answer: that is where the mistake can be seen.
        let mistake = || Self::temporary(format!("the rule of the test is wrong: {}", Self::no_code(&code)));
        Self::by_code(&code, &message).unwrap_or_else(mistake)
    }
}

/// A mutation at work, until it is applied.
#[derive(uniffi::Object)]
pub struct NativeTransaction(Mutex<Option<Transaction>>);

impl NativeTransaction {
    fn with<T>(&self, work: impl FnOnce(&mut Transaction) -> Result<T, Refusal>) -> ApiResult<T> {
        let mut transaction = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = transaction.as_mut().ok_or_else(|| mistake("the mutation has ended".to_owned()))?;
        work(transaction).map_err(|refusal| {
            let kind = ErrorKind::InvalidValue;
            ApiError::Failed { problem: Problem { kind, sentence: refusal.to_string(), is_passing: false } }
        })
    }
}

#[uniffi::export]
impl NativeTransaction {
    /// The scope that the mutation belongs to.
    pub fn scope(&self) -> ApiResult<String> {
        self.with(|transaction| Ok(transaction.scope().to_owned()))
    }

    /// Its arguments, as JSON.
    pub fn args(&self) -> ApiResult<String> {
        self.with(|transaction| Ok(transaction.args::<Box<RawValue>>()?.get().to_owned()))
    }

    /// The JSON of an entity.
    pub fn get(&self, collection: &str, id: &str) -> ApiResult<Option<String>> {
        let found = self.with(|transaction| transaction.get::<Box<RawValue>>(collection, id))?;
        Ok(found.map(|data| data.get().to_owned()))
    }

    /// Stores an entity.
    pub fn put(&self, collection: &str, id: &str, data: String) -> ApiResult<()> {
        let data = raw(data)?;
        self.with(|transaction| transaction.put(collection, id, &data))
    }

    /// Deletes an entity. Whether there was one.
    pub fn delete(&self, collection: &str, id: &str) -> ApiResult<bool> {
        self.with(|transaction| transaction.delete(collection, id))
    }
}

/// Lets the other side do what a mutation does.
fn mutated(transaction: &mut Transaction, mutate: &dyn Mutate) -> Result<(), Refusal> {
    let native = Arc::new(NativeTransaction(Mutex::new(Some(transaction.take()))));
    let refused = mutate.mutate(Arc::clone(&native));
    if let Some(done) = native.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
        *transaction = done;
    }
    match refused {
        Ok(None) => Ok(()),
        Ok(Some(refusal)) => Err(refusal.into()),
        Err(error) => Err(Refusal::temporary(error.to_string())),
    }
}

/// A server that does what a test tells it.
#[derive(uniffi::Object)]
pub struct NativeServer {
    /// `None` once it is stopped.
    server: Mutex<Option<Arc<Server>>>,
    backup: Mutex<Option<Backup>>,
}

impl NativeServer {
    /// Calls the server, not with the lock: some calls wait.
    fn with<T>(&self, work: impl FnOnce(&Server) -> T) -> ApiResult<T> {
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match server {
            Some(server) => misuse(|| work(&server)),
            None => Err(mistake("the server is stopped: start a new one".to_owned())),
        }
    }
}

fn mistake(sentence: String) -> ApiError {
    ApiError::Failed { problem: Problem { kind: ErrorKind::Misuse, sentence, is_passing: false } }
}

fn raw(text: String) -> ApiResult<Box<RawValue>> {
    RawValue::from_string(text).map_err(|error| mistake(format!("this is no JSON: {error}")))
}

#[uniffi::export]
impl NativeServer {
    /// Starts one on a free port of this machine.
    #[uniffi::constructor]
    pub fn start() -> ApiResult<Arc<Self>> {
        let server = misuse(Server::start)?;
        Ok(Arc::new(Self { server: Mutex::new(Some(Arc::new(server))), backup: Mutex::default() }))
    }

    /// Stops it, and frees its port.
    pub fn stop(&self) {
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(server);
    }

    /// Its base URL.
    pub fn url(&self) -> ApiResult<String> {
        self.with(Server::url)
    }

    /// Makes an entity what it is told, as if another device had.
    pub fn put(&self, scope: &str, collection: &str, id: &str, data: String) -> ApiResult<()> {
        let data = raw(data)?;
        self.with(|server| server.put(scope, collection, id, &data))
    }

    /// Deletes an entity, as if another device had. Whether there was one.
    pub fn delete(&self, scope: &str, collection: &str, id: &str) -> ApiResult<bool> {
        self.with(|server| server.delete(scope, collection, id))
    }

    /// The JSON of an entity.
    pub fn get(&self, scope: &str, collection: &str, id: &str) -> ApiResult<Option<String>> {
        self.with(|server| {
            server.get::<Box<RawValue>>(scope, collection, id).map(|data| data.get().to_owned())
        })
    }

    /// How many entities there are.
    pub fn count(&self, scope: &str, collection: &str) -> ApiResult<u64> {
        self.with(|server| server.count(scope, collection) as u64)
    }

    /// The mutations that it has applied, in order.
    pub fn mutations(&self) -> ApiResult<Vec<NativeApplied>> {
        self.with(|server| {
            let applied = server.mutations().into_iter().map(|mutation| NativeApplied {
                id: mutation.id,
                name: mutation.name,
                scope: mutation.scope,
                args: mutation.args,
            });
            applied.collect()
        })
    }

    /// How often this endpoint was asked.
    pub fn requests(&self, endpoint: NativeEndpoint) -> ApiResult<u64> {
        let path = format!("/_sync/{}", Endpoint::from(endpoint).path());
        self.with(|server| server.requests().iter().filter(|request| request.path == path).count() as u64)
    }

    /// Waits until this endpoint was asked so often, for a minute at most.
    pub fn wait_for_requests(&self, endpoint: NativeEndpoint, times: u64) -> ApiResult<()> {
        let path = format!("/_sync/{}", Endpoint::from(endpoint).path());
        self.with(|server| {
            server.wait_for(|requests| {
                requests.iter().filter(|request| request.path == path).count() as u64 >= times
            });
        })
    }

    /// Waits until a client listens to this scope, for a minute at most.
    pub fn wait_for_subscription(&self, scope: &str) -> ApiResult<()> {
        self.with(|server| server.wait_for_subscription(scope))
    }
}

#[uniffi::export]
impl NativeServer {
    /// Refuses mutations of this name for ever.
    pub fn reject(&self, mutation: &str, code: &str, message: &str) -> ApiResult<()> {
        self.with(|server| server.reject(mutation, code, message))
    }

    /// Refuses mutations of this name for now.
    pub fn fail(&self, mutation: &str, message: &str) -> ApiResult<()> {
        self.with(|server| server.fail(mutation, message))
    }

    /// Accepts mutations of this name again.
    pub fn accept(&self, mutation: &str) -> ApiResult<()> {
        self.with(|server| server.accept(mutation))
    }

    /// Says what mutations of this name do.
    pub fn on_mutation(&self, mutation: &str, mutate: Arc<dyn Mutate>) -> ApiResult<()> {
        self.with(|server| {
            server.on_mutation(mutation, move |transaction| mutated(transaction, &*mutate));
        })
    }

    /// Whether it acts as a server that knows no additions to the protocol.
    pub fn plain(&self, on: bool) -> ApiResult<()> {
        self.with(|server| server.plain(on))
    }

    /// Answers the next so many requests with this status. `retry_after`: in seconds.
    pub fn answer_status(
        &self,
        endpoint: NativeEndpoint,
        status: u16,
        retry_after: Option<u64>,
        times: u64,
    ) -> ApiResult<()> {
        let times = usize::try_from(times).unwrap_or(usize::MAX);
        let retry_after = retry_after.map(Duration::from_secs);
        self.with(|server| server.answer_status(endpoint.into(), status, retry_after, times))
    }

    /// Answers as it should again.
    pub fn answer_normally(&self) -> ApiResult<()> {
        self.with(Server::answer_normally)
    }

    /// Lets in only whoever has this token.
    pub fn require_token(&self, token: &str) -> ApiResult<()> {
        self.with(|server| server.require_token(token))
    }

    /// Lets nobody in before the next token is required.
    pub fn expire_tokens(&self) -> ApiResult<()> {
        self.with(Server::expire_tokens)
    }

    /// Refuses a scope to everybody.
    pub fn forbid(&self, scope: &str) -> ApiResult<()> {
        self.with(|server| server.forbid(scope))
    }

    /// Gives a scope again.
    pub fn allow(&self, scope: &str) -> ApiResult<()> {
        self.with(|server| server.allow(scope))
    }

    /// Loses everything.
    pub fn reset(&self) -> ApiResult<()> {
        self.with(Server::reset)
    }

    /// Remembers what it has.
    pub fn back_up(&self) -> ApiResult<()> {
        let backup = self.with(Server::backup)?;
        *self.backup.lock().unwrap_or_else(PoisonError::into_inner) = Some(backup);
        Ok(())
    }

    /// Goes back to what it remembered last.
    pub fn restore(&self) -> ApiResult<()> {
        let backup = self.backup.lock().unwrap_or_else(PoisonError::into_inner).take();
        let backup = backup.ok_or_else(|| mistake("there is no backup: call back_up() before".to_owned()))?;
        self.with(|server| server.restore(&backup))
    }

    /// Forgets its log but for the newest mutation of each scope.
    pub fn trim(&self) -> ApiResult<()> {
        self.with(Server::trim)
    }

    /// Nobody reaches it.
    pub fn go_offline(&self) -> ApiResult<()> {
        self.with(Server::go_offline)
    }

    /// It is reached again.
    pub fn go_online(&self) -> ApiResult<()> {
        self.with(Server::go_online)
    }

    /// Takes requests, and does not answer.
    pub fn hang(&self) -> ApiResult<()> {
        self.with(Server::hang)
    }

    /// Answers all of them.
    pub fn release(&self) -> ApiResult<()> {
        self.with(Server::release)
    }

    /// Applies the next so many requests, and loses the replies.
    pub fn lose_replies(&self, endpoint: NativeEndpoint, times: u64) -> ApiResult<()> {
        let times = usize::try_from(times).unwrap_or(usize::MAX);
        self.with(|server| server.lose_replies(endpoint.into(), times))
    }

    /// Whether everything is answered by a page that wants a sign-in.
    pub fn captive_portal(&self, on: bool) -> ApiResult<()> {
        self.with(|server| server.captive_portal(on))
    }

    /// Whether it takes live sockets.
    pub fn live(&self, on: bool) -> ApiResult<()> {
        self.with(|server| server.live(on))
    }
}

/// A row of a preview that looks as if it were on its way, or refused.
#[derive(Clone, uniffi::Record)]
pub struct PreviewMark {
    /// Its collection.
    pub collection: String,
    /// Its id.
    pub id: String,
    /// Why it was refused: code and sentence. None: it is on its way.
    pub rejected: Option<Vec<String>>,
}

/// A client in memory for a preview, with rows as JSON: `{"todo":{"t1":{…}}}`.
#[uniffi::export]
pub fn open_preview(scope: &str, rows: &str, marks: Vec<PreviewMark>) -> ApiResult<Arc<NativeClient>> {
    let marked = |preview: Preview, mark: PreviewMark| {
        let PreviewMark { collection, id, rejected } = mark;
        match rejected.as_deref() {
            None => preview.pending(&collection, &id),
            Some(reason) => {
                let text = |place: usize| reason.get(place).map_or("", String::as_str);
                preview.rejected(&collection, &id, text(0), text(1))
            }
        }
    };
    let preview = marks.into_iter().fold(preview(scope).json(rows), marked);
    let client = preview.open().map_err(|error| mistake(error.to_string()))?;
    Ok(NativeClient::of(client))
}

/// So many milliseconds are longer than anything in a test takes.
#[uniffi::export]
#[must_use]
pub fn soon() -> u64 {
    SOON.as_secs() * 1_000
}
