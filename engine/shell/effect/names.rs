//! Programs by name, for those whose effect does not hang on their arguments, and those that merely
//! are known.

/// Whether `name` is one of the names in `list`.
pub(super) fn is_in(list: &str, name: &str) -> bool {
    list.split_ascii_whitespace().any(|known| known == name)
}

/// Programs and builtins that only look, or change nothing but the shell itself.
pub(super) const READERS: &str = "\
    : true false echo printf test [ [[ cd pushd popd dirs pwd export declare local readonly typeset \
    unset set shopt alias unalias read mapfile readarray getopts shift return exit break continue wait \
    jobs fg bg type which whereis hash ulimit umask times let history help compgen ls cat tac head tail \
    less more most grep egrep fgrep zgrep zcat bzcat xzcat zless rg ag wc cut paste join tr uniq comm \
    diff cmp sdiff colordiff nl fold fmt column rev expand od xxd hexdump strings file stat du df tree \
    realpath readlink basename dirname seq yes expr bc factor numfmt shuf md5sum sha1sum sha256sum \
    sha512sum cksum sum b2sum base64 sleep ps pgrep pidof pstree top htop atop free vmstat iostat mpstat \
    pidstat sar uptime w who whoami id groups last lastlog users logname tty uname arch nproc lscpu \
    lsblk lspci lsusb lsmod lsof findmnt blkid getconf getent locale cal printenv env time iotop slabtop \
    numastat nvidia-smi lsns ss netstat dig nslookup host whois ping ping6 traceroute tracepath mtr \
    tcptraceroute tcpdump iftop nethogs ngrep resolvectl getfacl lsattr namei jq gron xmllint jsonlint \
    pg_isready pg_lsclusters pg_controldata promtool man info tldr stern kubectx k9s sudo xargs command \
    lsscsi zabbix_get wscat websocat sha224sum ausearch aureport coredumpctl systemd-cgls systemd-cgtop \
    systemd-analyze showmount rpcinfo nfsstat clear tput reset";

/// Programs that lose data or take something down whatever their arguments are.
pub(super) const DESTROYERS: &str = "\
    rm shred truncate unlink reboot shutdown poweroff halt wipefs mkswap dropdb dropuser userdel \
    groupdel deluser lvremove vgremove pvremove blkdiscard swapoff umount ifdown telinit \
    systemd-tmpfiles mysql_secure_installation";

/// Programs known by name whose effect is a change, unless a rule of their own says otherwise.
pub(super) const CHANGERS: &str = "\
    cp mv mkdir rmdir ln touch chmod chown chgrp install tee patch rsync scp sftp ftp tar zip unzip gzip \
    gunzip bzip2 xz zstd make cmake apt apt-get dpkg yum dnf rpm apk brew snap pip pip3 npm npx yarn \
    pnpm node python python3 ruby perl php java go cargo bundle rake rails composer poetry ansible \
    ansible-playbook vim vi nano emacs visudo crontab at passwd useradd usermod groupadd chage logrotate \
    modprobe insmod rmmod mkfifo iptables ip6tables nft ufw firewall-cmd ip ifconfig route sysctl mount \
    swapon ssh ssh-keygen ssh-copy-id gpg openssl certbot bash sh zsh dash ksh source . eval trap su \
    chroot screen tmux strace gdb jstack jmap jcmd pg_dump pg_dumpall pg_restore pg_basebackup mysqldump \
    mongodump mongorestore runbook hostnamectl timedatectl loginctl nginx apachectl apache2ctl httpd \
    haproxy date hostname dmesg journalctl sed awk gawk mawk find sort nc ncat telnet dd fdisk parted \
    kill pkill killall fuser service systemctl crictl ctr watch alembic flyway liquibase yq split csplit \
    setfacl nmap socat";
