//! Market data over the feed's WebSocket: lost, late, and found again.

use super::system::{LeviBot, until};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

#[test]
fn prices_come_over_a_websocket() {
    let levibot = LeviBot::start();
    let log = levibot.test.read("run/logs/feed.log");
    let address = log.lines().find_map(|line| line.strip_prefix("feed is listening on ")).expect("says so");
    let mut stream = TcpStream::connect(address).unwrap();
    // Key and answer are those of RFC 6455.
    stream
        .write_all(
            b"GET / HTTP/1.1\r\nHost: feed\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
              Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        )
        .unwrap();
    let mut reader = BufReader::new(stream);
    let head: Vec<String> =
        reader.by_ref().lines().map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
    assert_eq!(head[0], "HTTP/1.1 101 Switching Protocols");
    assert!(head.iter().any(|line| line.ends_with(": s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")), "{head:?}");
    let mut start = [0; 2];
    reader.read_exact(&mut start).unwrap();
    // A whole text message, not masked, with its length.
    assert!(start[0] == 0x81 && start[1] < 126, "{start:?}");
    let mut text = vec![0; start[1].into()];
    reader.read_exact(&mut text).unwrap();
    let tick: serde_json::Value = serde_json::from_slice(&text).unwrap();
    assert!(tick["symbol"] == "BTC_USDT" && tick["price"].is_f64(), "{tick}");
}

#[test]
fn a_feed_that_is_back_at_once_is_found_again() {
    let levibot = LeviBot::start();
    until("the feed is found", || levibot.ws()["status"] == "connected");
    levibot.ok("kill -9 $(cat run/feed.pid)");
    until("the loss is seen", || levibot.ws()["status"] == "reconnecting");
    assert_eq!(levibot.metric("levibot_ws_connected"), Some(0.0));
    assert!(!levibot.ok("docker compose ps").contains("levibot-feed"));
    levibot.ok("docker compose up -d feed");
    until("the feed is found again", || levibot.ws()["status"] == "connected");
    assert!(levibot.ws()["last_reconnect_s"].as_f64() > Some(0.0));
    let price = levibot.ws()["price"].clone();
    until("prices move", || levibot.ws()["price"] != price);
}

#[test]
fn a_long_outage_outlasts_the_feeds_return_until_the_api_restarts() {
    let levibot = LeviBot::start();
    until("the feed is found", || levibot.ws()["status"] == "connected");
    levibot.ok("docker compose stop feed");
    // Tries come after 0.5 s, 5 s and then every minute.
    until("tries become rare", || levibot.ws()["next_try_s"].as_f64() > Some(30.0));
    assert_eq!(levibot.ws()["attempts"], 3);
    assert_eq!(levibot.get("/live/status").json()["ws_status"], "reconnecting");
    assert!(levibot.ws()["why"].as_str().unwrap().contains("Connection refused"));
    levibot.ok("docker compose start feed");
    let missing = levibot.ws()["missing_s"].as_f64().unwrap();
    until("time passes", || levibot.ws()["missing_s"].as_f64() > Some(missing + 0.5));
    assert_eq!(levibot.ws()["status"], "reconnecting");
    levibot.ok("docker compose restart api");
    until("the feed is found", || levibot.ws()["status"] == "connected");
}

#[test]
fn late_prices_are_told_from_lost_ones() {
    let levibot = LeviBot::start();
    until("the feed is found", || levibot.ws()["status"] == "connected");
    levibot.ok("kill -STOP $(cat run/feed.pid)");
    until("prices are late", || levibot.ws()["status"] == "slow");
    levibot.ok("kill -CONT $(cat run/feed.pid)");
    until("prices come", || levibot.ws()["price_age_s"].as_f64() < Some(0.5));
    // Late is remembered for some seconds; one that is lost would not have been connected all the time.
    assert_eq!((&levibot.ws()["status"], &levibot.ws()["attempts"]), (&"slow".into(), &1.into()));
    assert!(levibot.metric("levibot_ws_longest_wait_seconds") > Some(1.0));
}
