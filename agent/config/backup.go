package config

import (
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"sallyport/agent/config/calendar"
	"sallyport/agent/config/decode"
	"sallyport/agent/config/environment"
	"sallyport/agent/config/program"
	"sallyport/agent/config/shape"
	"sallyport/notify/redact"
)

// Backup says when a backup leaves this machine, and how.
type Backup struct {
	Schedule string                   // a robfig/cron spec
	Command  []string                 // the program and its arguments; it gets the backup as its standard input
	Env      map[string]redact.Secret // beside PATH, HOME and SALLYPORT_BACKUP, the backup's path
	Timeout  time.Duration            // default 30m
}

// readBackup reads the backup block.
func readBackup(l *decode.Reader, b *hcl.Block) *Backup {
	a := l.Block(b, shape.Backup())
	k := &Backup{}
	calendar.ReadSchedule(l, a, "schedule", &k.Schedule)
	l.Duration(a, "timeout", &k.Timeout)
	k.Env, _ = environment.Read(l, a, "env")
	readCommand(l, a, k)
	return k
}

// readCommand reads a list of words, which is run as it is, or one string, which a shell runs.
func readCommand(l *decode.Reader, a decode.Attributes, k *Backup) {
	v, ok := l.Shown(a.Get("command"), cty.DynamicPseudoType)
	if !ok {
		return
	}
	if v.Type() == cty.String {
		k.Command = []string{"/bin/sh", "-c", v.AsString()}
	} else if !l.Strings(a, "command", &k.Command) {
		return
	}
	if len(k.Command) == 0 || strings.TrimSpace(k.Command[0]) == "" || strings.TrimSpace(k.Command[len(k.Command)-1]) == "" && v.Type() == cty.String {
		l.Fault(a.At("command"), "No command", `command must name a program: ["aws", "s3", "cp", "-", "s3://bucket/sallyport"], or a line for the shell.`)
	}
	program.Check(l, a, "command", k.Command)
	for _, word := range k.Command {
		if strings.ContainsRune(word, 0) {
			l.Fault(a.At("command"), "Invalid value", "command holds a zero byte.")
		}
	}
}
