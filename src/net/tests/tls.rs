//! HTTPS: which certificates are taken, and that nothing is sent to those that are not.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use ureq::tls::{Certificate, RootCerts};

use super::server::{Connection, Server, answer};
use super::*;
use crate::net::watchdog::Limits;

pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

impl Authority {
    pub(super) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    pub(super) fn roots(&self) -> RootCerts {
        RootCerts::new_with_certs(&[Certificate::from_der(&self.certificate).to_owned()])
    }
}

/// A TLS server with a certificate for these names, of this authority or else self-signed.
pub(super) fn server(
    authority: Option<&Authority>,
    names: &[&str],
    change: impl FnOnce(&mut CertificateParams),
    script: impl Fn(&mut Connection) + Send + Sync + 'static,
) -> Server {
    let key = KeyPair::generate().unwrap();
    let mut params =
        CertificateParams::new(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>()).unwrap();
    change(&mut params);
    let certificate = match authority {
        Some(authority) => params.signed_by(&key, &authority.issuer),
        None => params.self_signed(&key),
    };
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.unwrap().der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let wrap = move |stream| -> Box<dyn super::server::Stream> {
        Box::new(StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream))
    };
    Server::start_over(wrap, script)
}

fn ok(connection: &mut Connection) {
    while connection.request() {
        connection.write(answer("200 OK", "", "{}"));
    }
}

pub(super) fn https(address: SocketAddr, roots: RootCerts) -> HttpOptions {
    let mut options = options(address);
    options.base = BaseUrl::parse(&format!("https://{address}/_sync"), false).unwrap();
    options.roots = roots;
    options
}

#[test]
fn a_good_certificate_is_taken_and_its_connection_used_again() {
    let authority = Authority::new();
    let server = server(Some(&authority), &["127.0.0.1"], |_| {}, ok);
    let transport = build(https(server.address, authority.roots()));
    for _ in 0..3 {
        assert_eq!(pull(&transport).unwrap(), b"{}");
        let received = server.received();
        assert_eq!(received.connection, 0);
        assert_eq!(received.header("authorization"), format!("Bearer {CANARY}"));
    }
}

#[test]
fn bad_certificates_are_refused_before_anything_is_sent() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let ours = authority.roots();
    let here = ["127.0.0.1"];
    let expired = |params: &mut CertificateParams| params.not_after = date_time_ymd(2001, 1, 1);
    let not_yet = |params: &mut CertificateParams| params.not_before = date_time_ymd(4000, 1, 1);
    for (what, server, roots) in [
        ("self-signed", server(None, &here, |_| {}, ok), ours.clone()),
        ("self-signed, as the world sees it", server(None, &here, |_| {}, ok), RootCerts::WebPki),
        ("of a stranger", server(Some(&stranger), &here, |_| {}, ok), ours.clone()),
        ("of a private authority", server(Some(&authority), &here, |_| {}, ok), RootCerts::WebPki),
        ("expired", server(Some(&authority), &here, expired, ok), ours.clone()),
        ("not yet valid", server(Some(&authority), &here, not_yet, ok), ours.clone()),
        ("for another address", server(Some(&authority), &["127.0.0.2"], |_| {}, ok), ours.clone()),
        ("for a name", server(Some(&authority), &["localhost"], |_| {}, ok), ours.clone()),
        ("for nobody", server(Some(&authority), &[], |_| {}, ok), ours),
    ] {
        let error = pull(&build(https(server.address, roots))).unwrap_err();
        let TransportError::Tls { url, reason } = &error else { panic!("{what}: {error:?}") };
        assert_eq!(*url, format!("https://{}/_sync/pull", server.address));
        assert!(reason.contains("certificate"), "{what}: {reason}");
        assert!(server.is_done(), "{what}");
    }
}

#[test]
fn a_server_that_does_not_speak_tls_is_refused() {
    let server = Server::start(|connection| {
        connection.write("HTTP/1.1 400 This is not HTTPS\r\nContent-Length: 0\r\n\r\n");
        connection.hold();
    });
    let error = pull(&build(https(server.address, RootCerts::WebPki))).unwrap_err();
    assert!(matches!(error, TransportError::Tls { .. }), "{error:?}");
    let sentence = error.to_string();
    assert!(
        sentence.contains("does not seem to speak TLS") && sentence.contains("did you mean http://?"),
        "{sentence}"
    );
}

#[test]
fn a_handshake_that_does_not_end_times_out() {
    let server = Server::start(Connection::hold);
    let mut options = https(server.address, RootCerts::WebPki);
    options.limits = Limits { connect: Duration::from_millis(150), ..Limits::default() };
    assert_eq!(phase(pull(&build(options))), Phase::Connect);
}

#[test]
fn a_handshake_can_be_interrupted() {
    let server = Server::start(Connection::hold);
    let transport = build(https(server.address, RootCerts::WebPki));
    let stuck = pull_aside(&transport);
    server.accepted();
    transport.interrupt(Lane::Pull);
    assert!(is_interrupted(&stuck.join().unwrap()));
}

#[test]
fn limits_and_interrupts_work_through_tls() {
    let authority = Authority::new();
    let half = |connection: &mut Connection| {
        connection.request();
        connection.write("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf");
        connection.hold();
    };
    let server = server(Some(&authority), &["127.0.0.1"], |_| {}, half);
    let mut options = https(server.address, authority.roots());
    options.limits = Limits { window: Duration::from_millis(150), ..Limits::default() };
    assert_eq!(phase(pull(&build(options))), Phase::Read);

    let transport = build(https(server.address, authority.roots()));
    let mut response = transport.exchange(&request(Endpoint::Pull)).unwrap();
    response.body.read_exact(&mut [0; 4]).unwrap();
    let reader = thread::spawn(move || response.body.read(&mut [0; 4]).unwrap_err());
    transport.interrupt(Lane::Pull);
    let error = TransportError::from_io("?", &reader.join().unwrap());
    assert!(matches!(error, TransportError::Interrupted { .. }), "{error:?}");
}
