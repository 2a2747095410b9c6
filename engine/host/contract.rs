//! What every host keeps, real or fake: each check runs on both.

use super::fake::{FakeClock, FakeEnvironment, FakeFiles, FakeProcesses};
use super::processes::{Process, process, sleeper};
use super::{
    Clock, Environment, Files, Processes, SystemClock, SystemEnvironment, SystemFiles, SystemProcesses,
};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Runs `check` in an empty directory of the real file system and of the fake one.
fn on_both(check: impl Fn(&dyn Files, &Path, &dyn Fn(&Path))) {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    check(&SystemFiles, scratch.path(), &|path| {
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o700)).expect("own file");
    });
    let fake = FakeFiles::default();
    fake.create_private_dir(Path::new("/scratch")).expect("a fake directory");
    check(&fake, Path::new("/scratch"), &|path| fake.make_executable(path));
}

#[test]
fn a_file_is_created_once_and_read_within_a_limit() {
    on_both(|files, dir, _| {
        let path = dir.join("a");
        files.create(&path, b"abc").unwrap();
        assert_eq!(files.create(&path, b"x").unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(files.read(&path, 3).unwrap(), b"abc");
        let error = files.read(&path, 2).unwrap_err();
        assert_eq!((error.kind(), error.to_string()), (ErrorKind::FileTooLarge, "more than 2 bytes".into()));
        assert_eq!(files.read(&dir.join("b"), 9).unwrap_err().kind(), ErrorKind::NotFound);
        assert!(files.exists(&path) && files.exists(dir) && !files.exists(&dir.join("b")));
        files.remove(&path).unwrap();
        assert_eq!(files.remove(&path).unwrap_err().kind(), ErrorKind::NotFound);
    });
}

#[test]
fn a_part_of_a_file_is_read() {
    on_both(|files, dir, _| {
        let path = dir.join("a");
        files.create(&path, b"abcdef").unwrap();
        assert_eq!(files.size(&path).unwrap(), 6);
        for (offset, length, part) in [(0, 2, "ab"), (4, 9, "ef"), (6, 1, ""), (9, 1, "")] {
            assert_eq!(files.read_at(&path, offset, length).unwrap(), part.as_bytes(), "{offset}");
        }
        for (length, first, last) in [(2, "ab", "ef"), (6, "abcdef", "abcdef"), (9, "abcdef", "abcdef")] {
            let ends = files.ends(&path, length).unwrap();
            assert_eq!((ends.first, ends.last), (first.into(), last.into()), "{length}");
            assert_eq!((ends.size, ends.exposed), (6, None));
        }
        assert_eq!(files.ends(&dir.join("b"), 9).unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(files.size(&dir.join("b")).unwrap_err().kind(), ErrorKind::NotFound);
    });
}

#[test]
fn appends_add_up_and_replacing_leaves_one_whole_file() {
    on_both(|files, dir, _| {
        let path = dir.join("log");
        for part in ["a\n", "b\n"] {
            let mut log = files.append(&path).unwrap();
            log.append(part.as_bytes()).unwrap();
            log.sync().unwrap();
        }
        assert_eq!(files.read(&path, 99).unwrap(), b"a\nb\n");
        files.replace(&path, b"new").unwrap();
        files.replace(&dir.join("other"), b"").unwrap();
        assert_eq!(files.read(&path, 99).unwrap(), b"new");
        let names: Vec<PathBuf> = files.list(dir).unwrap().into_iter().map(|entry| entry.path).collect();
        assert_eq!(names, [dir.join("log"), dir.join("other")]);
        assert!(files.replace(&dir.join("no/such"), b"x").is_err());
    });
}

#[test]
fn directories_are_made_with_their_parents_and_listed_by_name() {
    on_both(|files, dir, _| {
        files.create_private_dir(&dir.join("runs/7")).unwrap();
        files.create_private_dir(&dir.join("runs/7")).unwrap();
        files.create(&dir.join("runs/6"), b"").unwrap();
        let listed = files.list(&dir.join("runs")).unwrap();
        let listed: Vec<_> = listed.iter().map(|entry| (entry.path.clone(), entry.directory)).collect();
        assert_eq!(listed, [(dir.join("runs/6"), false), (dir.join("runs/7"), true)]);
        assert!(files.is_dir(&dir.join("runs")) && !files.is_dir(&dir.join("runs/6")));
        assert_eq!(files.list(&dir.join("none")).unwrap_err().kind(), ErrorKind::NotFound);
    });
}

#[test]
fn a_directory_is_removed_with_all_that_is_in_it() {
    on_both(|files, dir, _| {
        files.create_private_dir(&dir.join("runs/7/stage")).unwrap();
        files.create(&dir.join("runs/7/journal"), b"x").unwrap();
        files.create(&dir.join("runs/70"), b"x").unwrap();
        files.create(&dir.join("runs/7/stage/log"), b"abc").unwrap();
        assert_eq!(files.tree_size(&dir.join("runs/7")).unwrap(), 4);
        files.remove_tree(&dir.join("runs/7")).unwrap();
        let left: Vec<PathBuf> =
            files.list(&dir.join("runs")).unwrap().into_iter().map(|it| it.path).collect();
        assert_eq!(left, [dir.join("runs/70")]);
        assert_eq!(files.remove_tree(&dir.join("runs/7")).unwrap_err().kind(), ErrorKind::NotFound);
    });
}

#[test]
fn what_is_made_here_is_exposed_to_nobody() {
    on_both(|files, dir, _| {
        files.create_private_dir(&dir.join("d")).unwrap();
        files.create(&dir.join("d/f"), b"").unwrap();
        assert_eq!(
            (files.exposed(&dir.join("d")).unwrap(), files.exposed(&dir.join("d/f")).unwrap()),
            (None, None)
        );
        assert_eq!(files.exposed(&dir.join("none")).unwrap_err().kind(), ErrorKind::NotFound);
    });
}

#[test]
fn only_what_may_be_executed_is_executable() {
    on_both(|files, dir, make_executable| {
        let path = dir.join("run.sh");
        files.create(&path, b"#!/bin/sh\n").unwrap();
        assert!(!files.is_executable(&path) && !files.is_executable(dir));
        make_executable(&path);
        assert!(files.is_executable(&path));
    });
}

#[test]
fn a_lock_has_one_holder_until_it_is_dropped() {
    on_both(|files, dir, _| {
        let path = dir.join("lock");
        let held = files.lock(&path).unwrap();
        assert!(held.is_some() && files.lock(&path).unwrap().is_none());
        drop(held);
        assert!(files.lock(&path).unwrap().is_some());
        assert!(files.exists(&path));
    });
}

#[test]
fn whether_a_lock_is_held_can_be_asked_without_taking_it() {
    on_both(|files, dir, _| {
        let path = dir.join("lock");
        assert!(!files.is_locked(&path).unwrap() && !files.exists(&path));
        let held = files.lock(&path).unwrap();
        assert!(held.is_some() && files.is_locked(&path).unwrap());
        drop(held);
        assert!(!files.is_locked(&path).unwrap());
    });
}

#[test]
fn the_file_of_a_claim_goes_with_it() {
    on_both(|files, dir, _| {
        let path = dir.join("claim");
        let held = files.claim(&path).unwrap();
        assert!(held.is_some() && files.is_locked(&path).unwrap() && files.claim(&path).unwrap().is_none());
        drop(held);
        assert!(!files.exists(&path));
        assert!(files.claim(&path).unwrap().is_some());
    });
}

#[test]
fn private_means_for_the_owner_alone() {
    let scratch = tempfile::tempdir().unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    let (dir, file) = (scratch.path().join("d"), scratch.path().join("d/f"));
    SystemFiles.create_private_dir(&dir).unwrap();
    SystemFiles.create(&file, b"x").unwrap();
    SystemFiles.append(&dir.join("log")).unwrap();
    assert_eq!((mode(&dir), mode(&file), mode(&dir.join("log"))), (0o700, 0o600, 0o600));
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
    SystemFiles.replace(&file, b"y").unwrap();
    assert_eq!(mode(&file), 0o644);
}

#[test]
fn a_fake_disk_can_be_full() {
    let files = FakeFiles::default();
    files.create_private_dir(Path::new("/d")).unwrap();
    let mut log = files.append(Path::new("/d/log")).unwrap();
    log.append(b"a").unwrap();
    files.refuse_writes(ErrorKind::StorageFull);
    assert_eq!(log.append(b"b").unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(files.read(Path::new("/d/log"), 9).unwrap(), b"a");
}

#[test]
fn clocks_agree_on_form_and_never_go_back() {
    let fake = FakeClock::default();
    for clock in [&SystemClock::new() as &dyn Clock, &fake] {
        let wall = clock.wall();
        assert_eq!(wall.len(), "2026-11-24T03:00:00.000Z".len(), "{wall}");
        assert!(wall.ends_with('Z') && wall.as_bytes()[19] == b'.', "{wall}");
        let before = clock.monotonic();
        assert!(clock.monotonic() >= before);
    }
    fake.advance(Duration::from_millis(1500));
    assert_eq!(
        (fake.wall().as_str(), fake.monotonic()),
        ("2023-11-14T22:13:21.500Z", Duration::from_millis(1500))
    );
}

#[test]
fn environments_tell_the_same_by_name_and_in_a_list() {
    let mut fake = FakeEnvironment::default();
    fake.vars.insert("PATH".to_owned(), "/bin".to_owned());
    for environment in [&SystemEnvironment as &dyn Environment, &fake] {
        let path = environment.var("PATH").expect("PATH is set");
        let vars = environment.vars();
        assert!(vars.contains(&("PATH".to_owned(), path)) && vars.is_sorted());
        assert_eq!(environment.var("RUNBOOK_TEST_NO_SUCH_VARIABLE"), None);
        assert!(environment.cwd().is_absolute() && environment.pid() > 0);
        assert!(!environment.user().is_empty() && !environment.hostname().is_empty());
    }
    assert!(!fake.stdin_is_terminal());
    fake.terminal = true;
    assert!(fake.stdin_is_terminal() && fake.stdout_is_terminal() && fake.stderr_is_terminal());
}

#[test]
fn programs_are_found_on_the_path_or_by_their_own() {
    let scratch = tempfile::tempdir().unwrap();
    let program = scratch.path().join("bin/tool");
    std::fs::create_dir(scratch.path().join("bin")).unwrap();
    std::fs::write(&program, "").unwrap();
    std::fs::write(scratch.path().join("bin/text"), "").unwrap();
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o700)).unwrap();
    let fake = FakeProcesses::default();
    fake.add_program(&program);
    for processes in [&SystemProcesses as &dyn Processes, &fake] {
        let find = |name, path| processes.find_program(name, path, scratch.path());
        assert_eq!(find("tool", "/nowhere:bin"), Some(program.clone()));
        assert_eq!(find("bin/tool", ""), Some(program.clone()));
        assert_eq!(find("text", "bin"), None);
        assert_eq!(find("./tool", "bin"), None);
    }
}

#[test]
fn a_group_is_listed_and_signalled_as_one() {
    let sleeper = sleeper();
    let group = sleeper.pid();
    let fake = FakeProcesses::default();
    fake.add_process(group, Process { pid: group, name: "sleep".to_owned() });
    assert_eq!(process(group).map(|found| found.to_string()), Some(format!("sleep ({group})")));
    for processes in [&SystemProcesses as &dyn Processes, &fake] {
        assert_eq!(processes.group(group), [Process { pid: group, name: "sleep".to_owned() }]);
        processes.signal_group(group, 9).unwrap();
        while !processes.group(group).is_empty() {
            std::thread::yield_now();
        }
        processes.signal_group(group, 9).unwrap();
        assert!(processes.signal_group(group, 999).is_err());
    }
    while sleeper.ended().unwrap().is_none() {
        std::thread::yield_now();
    }
    assert_eq!(sleeper.ended().unwrap().map(super::processes::End::status), Some(137));
}

#[test]
fn a_process_that_is_not_adopted_yet_runs() {
    let script = "sleep 60 >/dev/null & echo $!; wait";
    let mut parent = std::process::Command::new("bash")
        .args(["-c", script])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("bash is everywhere");
    let mut line = String::new();
    let mut said = std::io::BufReader::new(parent.stdout.take().expect("is piped"));
    std::io::BufRead::read_line(&mut said, &mut line).expect("it says a number");
    let child = line.trim().parse().expect("is a number");
    assert_eq!(super::processes::reap(child), None);
    super::processes::kill_process(child);
    parent.wait().expect("is our child");
    while process(child).is_some() {
        std::thread::yield_now();
    }
    assert_eq!(super::processes::reap(child).map(super::processes::End::status), Some(137));
}
