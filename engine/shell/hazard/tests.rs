use super::*;

fn first(text: &str) -> Option<Hazard> {
    parse(text).commands().find_map(|command| hazard(command, text))
}

#[test]
fn commands_that_never_end_are_known() {
    for text in [
        "tail -f /var/log/x",
        "tail -F x",
        "tail -n 100 -f x",
        "tail -fn100 x",
        "docker logs -f api",
        "docker compose logs -f api",
        "docker-compose logs --follow",
        "docker compose up",
        "docker stats",
        "kubectl get pods -w",
        "kubectl logs -f <pod> -n x",
        "kubectl logs --follow x",
        "kubectl port-forward svc/x 1:2",
        "oc proxy",
        "journalctl -u x -f",
        "top",
        "ping 8.8.8.8",
        "sudo tail -f x",
        "vmstat 1",
        "dmesg -w",
        "redis-cli monitor",
        "ssh -N -L 1:h:2 host",
        "ssh h tail -f x",
        "python3 -m http.server",
        "kubectl exec pod -- tail -f x",
        "tcpdump -i eth0",
        "bash -c 'tail -f x'",
    ] {
        assert_eq!(first(text), FOLLOW, "{text}");
    }
}

#[test]
fn watch_is_taken_apart() {
    for (text, command, every_ms) in [
        ("watch -n 1 'curl -s http://h/x | jq .ws_status'", "curl -s http://h/x | jq .ws_status", 1_000),
        ("watch kubectl get pods -n x", "kubectl get pods -n x", 2_000),
        ("watch -n0.5 -d ls", "ls", 500),
        ("sudo watch --interval=5 df -h", "df -h", 5_000),
        ("watch kubectl get pods -n <ns>", "eval kubectl get pods -n <ns>", 2_000),
        ("watch \"ls $X\"", "eval \"ls $X\"", 2_000),
        ("watch -x ls 'a b'", "ls 'a b'", 2_000),
    ] {
        let expected = Endless::Watch { command: command.into(), every_ms };
        assert_eq!(first(text), Some(Hazard::Endless(expected)), "{text}");
    }
    assert_eq!(first("watch"), None);
}

#[test]
fn commands_that_need_a_person_are_known() {
    for text in [
        "vim /etc/hosts",
        "nano x",
        "less x",
        "kubectl edit cm/x",
        "kubectl exec -it pod -- psql",
        "docker exec -it db psql -U x",
        "docker run -it --rm alpine top",
        "psql",
        "psql -U x -d y",
        "mysql -u root -p",
        "redis-cli -h x",
        "rails console",
        "bundle exec rails c",
        "visudo",
        "crontab -e",
        "htop",
        "sqlite3 x.db",
        "python3",
        "git rebase -i HEAD~2",
        "sudo visudo",
        "oc attach x",
        "mongosh",
    ] {
        assert_eq!(first(text), Some(Interactive), "{text}");
    }
    for text in [
        "sudo systemctl restart x",
        "ssh host uptime",
        "read -p 'ok? ' X",
        "su -c ls",
        "ssh host <<E\nls\nE",
        "scp a h:b",
        "apt-get install x",
        "terraform apply",
        "sudo -u x ls",
    ] {
        assert_eq!(first(text), Some(MayAsk), "{text}");
    }
}

#[test]
fn commands_that_open_a_shell_are_known() {
    for text in [
        "ssh host",
        "ssh -i key -p 22 u@host",
        "ssh <user>@<host>",
        "sudo -i",
        "sudo su -",
        "su - postgres",
        "sudo -s",
        "kubectl exec -it pod -- bash",
        "kubectl exec -it pod -n x -- /bin/sh",
        "kubectl exec -it pod bash",
        "docker exec -it x sh",
        "docker compose exec api bash",
        "chroot /host",
        "bash",
        "sudo chroot /mnt /bin/bash",
        "oc debug node/x",
        "oc rsh pod",
        "exec bash -l",
    ] {
        assert_eq!(first(text), Some(OpensShell), "{text}");
    }
}

#[test]
fn everything_else_simply_runs() {
    for text in [
        "curl http://h/watch/tail/top",
        "./scripts/watch.sh -f",
        "echo top vim ssh",
        "tail -n 5 x",
        "docker compose up -d",
        "kubectl get pods -o wide",
        "kubectl apply -f x.yaml",
        "ping -c 3 h",
        "timeout 5 tail -f x",
        "psql -c 'SELECT 1'",
        "psql < dump.sql",
        "cat x | psql",
        "mysql -e 'SHOW TABLES'",
        "redis-cli -h x INFO",
        "top -b -n 1",
        "bash x.sh",
        "bash <<E\nls\nE",
        "kubectl exec pod -- cat x",
        "journalctl -u x",
        "cat x | while read l; do echo $l; done",
        "grep -f x y",
        "vmstat 1 5",
        "docker exec x ls",
        "kubectl exec -i pod -- psql -c 'SELECT 1'",
        "sqlite3 x.db 'SELECT 1'",
        "python3 -c 'print(1)'",
        "kubectl logs x --tail=5",
        "git commit -m x",
    ] {
        assert_eq!(first(text), None, "{text}");
    }
}

#[test]
fn nested_texts_end() {
    let mut text = "tail -f x".to_owned();
    for _ in 0..7 {
        text = format!("sh -c {}", quote(&text));
    }
    assert_eq!(first(&text), None);
}

fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}
