package config

import (
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"sallyport/notify/redact"
)

// Backup says when a backup leaves this machine, and how.
type Backup struct {
	Schedule string                   // a robfig/cron spec
	Command  []string                 // the program and its arguments; it gets the backup as its standard input
	Env      map[string]redact.Secret // beside PATH, HOME and SALLYPORT_BACKUP, the backup's path
	Timeout  time.Duration            // default 30m
}

const defaultBackupTimeout = 30 * time.Minute

// backup reads the backup block.
func (l *loader) backup(b *hcl.Block) *Backup {
	a := attributes{own: l.content(b.Body, backupShape()).Attributes, header: b.DefRange}
	k := &Backup{Timeout: defaultBackupTimeout}
	l.schedule(a, "schedule", &k.Schedule)
	l.duration(a, "timeout", &k.Timeout, time.Second)
	k.Env = l.environment(a, "env")
	l.command(a, k)
	return k
}

// command reads a list of words, which is run as it is, or one string, which a shell runs.
func (l *loader) command(a attributes, k *Backup) {
	v, ok := l.shown(a.get("command"), cty.DynamicPseudoType)
	if !ok {
		return
	}
	if v.Type() == cty.String {
		k.Command = []string{"/bin/sh", "-c", v.AsString()}
	} else if !l.strs(a, "command", &k.Command) {
		return
	}
	if len(k.Command) == 0 || strings.TrimSpace(k.Command[0]) == "" || strings.TrimSpace(k.Command[len(k.Command)-1]) == "" && v.Type() == cty.String {
		l.fault(a.at("command"), "No command", `command must name a program: ["aws", "s3", "cp", "-", "s3://bucket/sallyport"], or a line for the shell.`)
	}
	l.program(a, "command", k.Command)
	for _, word := range k.Command {
		if strings.ContainsRune(word, 0) {
			l.fault(a.at("command"), "Invalid value", "command holds a zero byte.")
		}
	}
}
