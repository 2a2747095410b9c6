//! Effects of database clients: the first words of the statements they are given decide.

use super::super::invocation::{Arguments, Reach, arguments};
use super::{changes_if, destroys_if};
use crate::shell::Effect::{self, Changes, Destroys, Reads};
use crate::shell::Word;

/// The programs decided here.
pub(super) const PROGRAMS: &str = "\
    psql mysql mariadb sqlite3 clickhouse-client cqlsh mongo mongosh redis-cli valkey-cli mysqladmin \
    mariadb-admin etcdctl rabbitmqctl nodetool pg_ctl pg_ctlcluster kafka-topics kafka-topics.sh \
    kafka-consumer-groups kafka-consumer-groups.sh kafka-configs kafka-configs.sh influx bq";

pub(super) fn effect(name: &str, rest: &[Word]) -> Option<Effect> {
    Some(match name {
        "psql" => psql(rest),
        "mysql" | "mariadb" => queries(
            &arguments(
                rest,
                &["-e", "--execute", "-u", "-h", "-P", "-D", "--user", "--host", "--port"],
                Reach::All,
            ),
            &["-e", "--execute"],
        ),
        "clickhouse-client" => queries(
            &arguments(rest, &["-q", "--query", "--host", "--port", "--user", "-h", "-u"], Reach::All),
            &["-q", "--query"],
        ),
        "cqlsh" => queries(
            &arguments(rest, &["-e", "--execute", "-u", "-p", "-k"], Reach::All),
            &["-e", "--execute"],
        ),
        "sqlite3" => {
            let given =
                arguments(rest, &["-cmd", "-separator", "-init", "-newline", "-nullvalue"], Reach::All);
            given.plain.get(1).map_or(Changes, |text| sql(text))
        }
        "bq" => {
            let given = arguments(rest, &["--project_id", "--format"], Reach::All);
            match given.at(0) {
                "ls" | "show" | "head" | "version" => Reads,
                "query" => given.plain.get(1).map_or(Changes, |text| sql(text)),
                "rm" => Destroys,
                _ => Changes,
            }
        }
        "mongo" | "mongosh" => {
            let given = arguments(
                rest,
                &["--eval", "-u", "-p", "--host", "--port", "--username", "--password"],
                Reach::All,
            );
            given.value(&["--eval"]).map_or(Changes, mongo)
        }
        "redis-cli" | "valkey-cli" => redis(rest),
        "mysqladmin" | "mariadb-admin" => {
            let given = arguments(rest, &["-u", "-h", "-P", "-i", "-r"], Reach::All);
            match given.at(0) {
                "status" | "extended-status" | "ping" | "processlist" | "variables" | "version" => Reads,
                "shutdown" | "kill" | "drop" => Destroys,
                _ => Changes,
            }
        }
        "etcdctl" => {
            let given =
                arguments(rest, &["--endpoints", "--cacert", "--cert", "--key", "--user"], Reach::All);
            match (given.at(0), given.at(1)) {
                ("get" | "watch" | "version" | "ls", _) => Reads,
                ("endpoint", _) | ("member" | "alarm" | "user" | "role", "list") => Reads,
                ("snapshot", "status") | ("user" | "role", "get") => Reads,
                ("del" | "rm", _) | ("member", "remove") => Destroys,
                _ => Changes,
            }
        }
        "rabbitmqctl" => {
            let given = arguments(rest, &["-n", "-p", "--node"], Reach::All);
            match given.at(0) {
                "status" | "cluster_status" | "environment" | "report" | "node_health_check" | "ping" => {
                    Reads
                }
                list if list.starts_with("list_") => Reads,
                "stop" | "stop_app" | "reset" | "force_reset" | "shutdown" => Destroys,
                other => destroys_if(
                    ["delete_", "purge_", "forget_", "close_"].iter().any(|verb| other.starts_with(verb)),
                ),
            }
        }
        "nodetool" => {
            let given = arguments(rest, &["-h", "-p", "-u", "-pw"], Reach::All);
            match given.at(0) {
                "status" | "info" | "ring" | "tpstats" | "netstats" | "compactionstats"
                | "describecluster" | "version" | "tablestats" | "cfstats" | "gossipinfo" => Reads,
                "drain" | "decommission" | "removenode" | "stopdaemon" | "assassinate" | "clearsnapshot" => {
                    Destroys
                }
                _ => Changes,
            }
        }
        "pg_ctl" | "pg_ctlcluster" => {
            let given = arguments(rest, &["-D", "-m", "-l", "-t"], Reach::All);
            if given.plain.contains(&"status") { Reads } else { destroys_if(given.plain.contains(&"stop")) }
        }
        name if name.starts_with("kafka-") => {
            let given =
                arguments(rest, &["--topic", "--group", "--bootstrap-server", "--zookeeper"], Reach::All);
            if given.has(&["--delete"]) {
                Destroys
            } else {
                changes_if(
                    !given.has(&["--list", "--describe"])
                        || given.has(&["--alter", "--create", "--reset-offsets"]),
                )
            }
        }
        "influx" => {
            let given = arguments(rest, &["-execute", "-database", "-host"], Reach::All);
            given.value(&["-execute"]).map_or(Changes, sql)
        }
        _ => return None,
    })
}

fn psql(rest: &[Word]) -> Effect {
    let valued = [
        "-c",
        "--command",
        "-f",
        "--file",
        "-d",
        "--dbname",
        "-h",
        "--host",
        "-p",
        "--port",
        "-U",
        "--username",
        "-v",
        "--set",
        "-o",
        "--output",
        "-P",
        "--pset",
        "-F",
        "-R",
        "-L",
    ];
    let given = arguments(rest, &valued, Reach::All);
    let file = given.value(&["-o", "--output"]).is_some_and(|file| file != "/dev/null");
    let effect = if given.has(&["-l", "--list"]) { Reads } else { queries(&given, &["-c", "--command"]) };
    effect.max(changes_if(file || given.has(&["-f", "--file"])))
}

/// The worst of the statements given to one of `names`; without any, whatever is typed or fed.
fn queries(given: &Arguments<'_>, names: &[&str]) -> Effect {
    let texts =
        given.options.iter().filter(|option| names.contains(&option.name)).filter_map(|option| option.value);
    texts.map(sql).reduce(Effect::max).unwrap_or(Changes)
}

/// What SQL statements do, by their first words.
pub(super) fn sql(text: &str) -> Effect {
    let bare = without_quoted(text);
    let statements = bare.split(';').map(str::trim).filter(|statement| !statement.is_empty());
    statements.map(statement).reduce(Effect::max).unwrap_or(Changes)
}

fn statement(text: &str) -> Effect {
    if let Some(meta) = text.strip_prefix('\\') {
        let reads = ["d", "l", "conninfo", "x", "timing", "z", "encoding"];
        return changes_if(!reads.iter().any(|known| meta.starts_with(known)));
    }
    if let Some(meta) = text.strip_prefix('.') {
        let reads = ["tables", "schema", "databases", "indexes", "dbinfo", "mode", "headers", "width"];
        return changes_if(!reads.iter().any(|known| meta.starts_with(known)));
    }
    let upper = text.to_ascii_uppercase();
    let mut words =
        upper.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    let first = words.next().unwrap_or_default();
    let has = |names: &[&str]| words.clone().any(|word| names.contains(&word));
    const LOSES: &[&str] = &["DROP", "TRUNCATE", "DELETE", "KILL", "SHUTDOWN"];
    match first {
        _ if LOSES.contains(&first) => Destroys,
        "ALTER" => destroys_if(has(&["DROP"])),
        "SELECT" | "WITH" | "TABLE" | "VALUES" | "EXPLAIN" | "SHOW" | "DESCRIBE" | "DESC" | "PRAGMA"
        | "USE" => {
            if matches!(first, "WITH" | "EXPLAIN") && has(LOSES)
                || has(&["PG_TERMINATE_BACKEND", "PG_DROP_REPLICATION_SLOT"])
            {
                return Destroys;
            }
            let writes = matches!(first, "WITH" | "EXPLAIN") && has(&["INSERT", "UPDATE", "MERGE"])
                || matches!(first, "SELECT" | "WITH") && has(&["INTO", "OUTFILE"])
                || first == "PRAGMA" && text.contains('=')
                || has(&[
                    "PG_CANCEL_BACKEND",
                    "PG_RELOAD_CONF",
                    "PG_ROTATE_LOGFILE",
                    "PG_PROMOTE",
                    "PG_SWITCH_WAL",
                    "SETVAL",
                    "NEXTVAL",
                    "PG_STAT_RESET",
                    "PG_CREATE_RESTORE_POINT",
                    "PG_ADVISORY_LOCK",
                    "LO_UNLINK",
                    "DBLINK_EXEC",
                ]);
            changes_if(writes)
        }
        _ => Changes,
    }
}

/// The text with comments and the contents of quotes taken out, in which words do not count.
fn without_quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\'', '"', '`', '-', '/']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let (opening, closing) = match &rest[..1] {
            "-" if rest.starts_with("--") => (2, "\n"),
            "/" if rest.starts_with("/*") => (2, "*/"),
            "-" | "/" => {
                out.push_str(&rest[..1]);
                rest = &rest[1..];
                continue;
            }
            quote => (1, quote),
        };
        out.push(' ');
        rest = rest[opening..].find(closing).map_or("", |end| &rest[opening + end + closing.len()..]);
    }
    out.push_str(rest);
    out
}

/// What a mongo expression does; only the plainest questions are known.
fn mongo(text: &str) -> Effect {
    const READS: &[&str] = &[
        "rs.status(",
        "rs.conf(",
        "rs.printReplicationInfo(",
        "rs.printSecondaryReplicationInfo(",
        "rs.isMaster(",
        "rs.hello(",
        "sh.status(",
        "db.serverStatus(",
        "db.stats(",
        "db.currentOp(",
        "db.hello(",
        "db.isMaster(",
        "db.version(",
        "db.adminCommand('ping')",
        "db.adminCommand(\"ping\")",
        "db.runCommand({ping",
        "db.runCommand({ ping",
        "db.getMongo(",
        "show dbs",
        "show collections",
    ];
    let text = text.trim();
    let statements = text.split(';').map(str::trim).filter(|part| !part.is_empty());
    let reads = |part: &str| READS.iter().any(|known| part.starts_with(known));
    if text.contains(".drop")
        || text.contains(".delete")
        || text.contains(".remove(")
        || text.contains("shutdownServer")
        || text.contains("killOp(")
    {
        Destroys
    } else {
        changes_if(!statements.clone().all(reads) || text.is_empty())
    }
}

fn redis(rest: &[Word]) -> Effect {
    let given = arguments(
        rest,
        &[
            "-h",
            "-p",
            "-a",
            "-n",
            "-u",
            "-s",
            "-r",
            "-i",
            "--user",
            "--pass",
            "--cacert",
            "--cert",
            "--key",
            "--pattern",
        ],
        Reach::Leading,
    );
    if given.has(&[
        "--bigkeys",
        "--memkeys",
        "--hotkeys",
        "--latency",
        "--latency-history",
        "--stat",
        "--scan",
        "--intrinsic-latency",
    ]) {
        return Reads;
    }
    let Some(&place) = given.places.first() else { return Changes };
    // The whole command may stand in one argument.
    let words = rest[place..].iter().flat_map(|word| word.shape.split_ascii_whitespace()).collect::<Vec<_>>();
    let upper = |index: usize| words.get(index).map(|word| word.to_ascii_uppercase()).unwrap_or_default();
    let (command, sub) = (upper(0), upper(1));
    match command.as_str() {
        "INFO" | "GET" | "MGET" | "HGET" | "HMGET" | "HGETALL" | "HKEYS" | "HLEN" | "KEYS" | "SCAN"
        | "SSCAN" | "HSCAN" | "ZSCAN" | "LRANGE" | "LLEN" | "LINDEX" | "TTL" | "PTTL" | "TYPE" | "EXISTS"
        | "PING" | "DBSIZE" | "LASTSAVE" | "ROLE" | "MONITOR" | "STRLEN" | "ZRANGE" | "ZCARD" | "ZSCORE"
        | "ZCOUNT" | "SMEMBERS" | "SCARD" | "SISMEMBER" | "TIME" | "ECHO" | "XLEN" | "XRANGE" | "XINFO"
        | "XPENDING" | "OBJECT" | "COMMAND" | "RANDOMKEY" | "GETRANGE" | "HEXISTS" | "MEMORY" | "PUBSUB" => {
            Reads
        }
        "CONFIG" | "SLOWLOG" | "CLIENT" | "LATENCY" | "CLUSTER" | "ACL" | "SCRIPT" | "SENTINEL" => {
            let reads = [
                "GET", "LIST", "LEN", "INFO", "NODES", "SLOTS", "LATEST", "HISTORY", "DOCTOR", "WHOAMI",
                "MASTERS", "SLAVES", "REPLICAS", "SHARDS", "MYID", "EXISTS",
            ];
            if reads.contains(&sub.as_str()) || sub.starts_with("GET-") {
                Reads
            } else {
                destroys_if(sub == "KILL" || command == "CLUSTER" && sub == "RESET")
            }
        }
        "FLUSHALL" | "FLUSHDB" | "DEL" | "UNLINK" | "SHUTDOWN" | "DEBUG" | "HDEL" | "LTRIM" | "XTRIM"
        | "XDEL" | "GETDEL" => Destroys,
        _ => Changes,
    }
}
