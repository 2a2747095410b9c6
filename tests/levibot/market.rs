//! Market data over the feed's WebSocket: lost, late, and found again.

use super::system::{LeviBot, until};

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
