package errands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sallyport/agent/active"
	"sallyport/agent/archive"
	"sallyport/agent/config"
	"sallyport/agent/contain"
	"sallyport/agent/control"
	"sallyport/agent/engine"
	"sallyport/agent/hint"
	"sallyport/agent/journal"
	"sallyport/agent/terraform"
	"sallyport/notify/words"
	"sallyport/store"
)

// `sallyport exec` runs one command of terraform's in a stack for the person at a terminal. The agent runs it, not the process
// of the command line: whoever may decide in a shell is a member of the socket's group and may read neither the credentials nor
// the data directory, and the agent knows at once when either side goes away. Their streams go over the socket.
//
// What it may not be is a way around an approval, or to files of this machine: applies, plans and what takes a path are refused.

// inspecting are the commands that change nothing, and changing those that change the state; with their subcommands where they
// have some.
var (
	inspecting = map[string][]string{
		"state": {"list", "show", "pull", "identities"}, "output": nil, "show": nil, "providers": {"", "schema"}, "graph": nil,
		"validate": nil, "version": nil, "metadata": {"functions"},
	}
	changing = map[string][]string{"state": {"mv", "rm", "push", "replace-provider"}, "import": nil, "taint": nil, "untaint": nil}
)

// instead are the verbs of ours for what exec does not do.
var instead = map[string]string{
	"apply": "sallyport plan STACK, and approve what it shows", "destroy": "sallyport plan STACK --destroy", "plan": "sallyport plan STACK",
	"refresh": "sallyport plan STACK --refresh-only", "force-unlock": "sallyport unlock STACK LOCK_ID",
	"workspace": "a stack has one workspace, which the configuration names", "init": "it is initialised already",
	"console": "it reads any file that the agent may read; sallyport exec STACK -- output, or state show",
}

// withFiles are the flags that name files, or go without the lock or terraform's own checks.
var withFiles = []string{
	"state", "state-out", "backup", "backup-out", "config", "var-file", "plan", "generate-config-out", "chdir", "plugin-dir", "force", "lock",
}

// quietly are the commands that print no value of a state: addresses, files and words of terraform's own.
var quietly = map[string][]string{
	"state": {"list", "mv", "rm", "push", "replace-provider"}, "import": nil, "taint": nil, "untaint": nil,
	"providers": nil, "graph": nil, "validate": nil, "version": nil, "metadata": nil,
}

// Reveals reports whether a command prints values of a state. What is not known not to does.
func Reveals(args []string) bool {
	if len(args) == 0 {
		return false // refused as no command
	}
	subs, known := quietly[args[0]]
	return !known || subs != nil && (len(args) < 2 || !slices.Contains(subs, args[1]))
}

// checkCommand says whether a command changes the state, or why it is not run.
func checkCommand(stack string, args []string) (changes bool, err error) {
	if len(args) == 0 || args[0] == "" {
		return false, control.Errorf(control.Usage, "which command?").WithHint("sallyport exec %s -- state list", stack)
	}
	sub := ""
	if len(args) > 1 && !strings.HasPrefix(args[1], "-") {
		sub = args[1]
	}
	subs, reads := inspecting[args[0]]
	reads = reads && (subs == nil || slices.Contains(subs, sub))
	subs, changes = changing[args[0]]
	changes = changes && (subs == nil || slices.Contains(subs, sub))
	if !reads && !changes {
		name := strings.TrimSpace(args[0] + " " + sub)
		if better, known := instead[args[0]]; known {
			return false, hint.Refuse(strings.ReplaceAll(better, "STACK", stack), "exec does not run terraform %s", args[0])
		}
		return false, hint.Refuse("what it runs: state, output, import, show, taint, untaint, providers, graph, validate, version", "exec does not run terraform %q", name)
	}
	for i, arg := range args[1:] {
		flag, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if strings.HasPrefix(arg, "-") && slices.Contains(withFiles, flag) {
			return false, hint.Refuse("the stack's own state, lock and variables are used as they are", "exec does not take -%s", flag)
		}
		path := !strings.HasPrefix(arg, "-") && (args[0] == "show" || args[0] == "state" && sub == "push" && i > 0)
		if path {
			return false, hint.Refuse("what it reads comes through stdin: sallyport exec STACK -- state push - < FILE", "exec does not take files of the agent's machine")
		}
	}
	return changes, nil
}

// Exec runs a command of terraform's for a person, until it has ended or they are gone. It returns terraform's exit code.
func (e *Errands) Exec(ctx context.Context, r control.ExecRequest, streams control.Streams) (int, error) {
	conf := e.active.Current.Load()
	s := conf.Stack(r.Stack)
	if s == nil {
		return 0, control.NoStack(r.Stack, active.StackNames(conf))
	}
	if err := NotForImages(s, "terraform"); err != nil {
		return 0, err
	}
	changes, err := checkCommand(r.Stack, r.Args)
	if err != nil {
		return 0, err
	}
	command := execution{stack: s, seen: r.Commit, changes: changes}
	var commit, kept string
	var has engine.Lent
	if err := e.prepared(ctx, func(tx *store.Tx) error {
		st, err := tx.Stack(s.Name)
		if err != nil {
			return err
		}
		kept = archive.BeforeRepair(st.NewestRun, e.now())
		if commit = st.AppliedCommit; commit == "" {
			commit, err = commitOf(tx, st, s)
		}
		if err == nil {
			has, err = command.lent(tx, st, commit)
		}
		return errors.Join(err, e.quiet(tx, conf.Cfg.DataDir, st))
	}); err != nil {
		return 0, err
	}
	task := occupation{event: "exec", stack: s.Name, by: r.By.By(), what: e.health.Redact("terraform " + strings.Join(r.Args, " "))}
	if r.Commit != "" {
		task.what += " at " + words.Short(commit)
	}
	if err := e.lockStack(task); err != nil {
		return 0, err
	}
	c := terraform.CommandOptions{Args: r.Args, Stdin: streams.Stdin, Stdout: streams.Stdout, Stderr: streams.Stderr}
	if changes {
		c.Keep = func(current []byte) error {
			return archive.KeepState(conf.Cfg.DataDir, s.Name, kept, current)
		}
	}
	return e.carryOutExec(ctx, task, c, engine.Repair{Stack: task.stack, By: task.by, Commit: commit, Lent: has}, kept)
}

// execution is a command for what it may be lent.
type execution struct {
	stack   *config.Stack
	seen    string // the commit, or the beginning of it, that the person names
	changes bool
}

// minSeen is how much of a commit's hash says which one is meant.
const minSeen = 7

// lent is what a command may have at a commit. To change the state of what was never applied it may need what only an apply
// gets, while init and a backend run what the commit's files name, and nobody has approved those: so whoever wants that looks
// at the commit, and names it.
func (e execution) lent(tx *store.Tx, st *store.StackState, commit string) (engine.Lent, error) {
	if e.seen != "" && (len(e.seen) < minSeen || !strings.HasPrefix(commit, e.seen)) {
		return engine.LentForPlan, hint.Refuse("look at that one, or leave --commit out", "what runs in %s now runs at %s, not at %q", st.Name, commit, e.seen)
	}
	has, err := LentAt(tx, st, commit)
	switch {
	case err != nil || has == engine.LentForApply || !e.changes || !engine.LendsMoreToApplies(e.stack):
		return has, err
	case e.seen == "":
		why := st.Name + " was never applied, so"
		if st.AppliedCommit != "" { // by what another name of it had applied, or because there was nothing to do
			why = fmt.Sprintf("no apply of %s at commit %s was approved, so that", st.Name, words.Short(commit))
		}
		return has, hint.Refuse(fmt.Sprintf("look at commit %s, then: sallyport exec --commit %s %s -- ...", words.Short(commit), commit, st.Name),
			"%s nobody has approved the files that terraform would be given the secrets of applies with", why)
	}
	return engine.LentForApply, nil
}

// carryOutExec is the errand itself. Unlike a repair it ends with the person: its output is for nobody else.
func (e *Errands) carryOutExec(ctx context.Context, task occupation, c terraform.CommandOptions, r engine.Repair, kept string) (code int, err error) {
	err = errCutOff
	over := e.work.RunForOperator(task.stack, func(work context.Context) {
		work, stop := context.WithCancel(work)
		defer stop()
		defer context.AfterFunc(ctx, stop)()
		err = contain.Do("running a command in "+task.stack, func() error {
			r.Work = func(ctx context.Context, p terraform.PlanOptions) (err error) {
				code, err = terraform.Command(ctx, p, c)
				return err
			}
			return e.engines.WithTempCheckout(work, r)
		})
		e.health.LogIfPanic(err, "stack", task.stack, "by", task.by)
	})
	if over == nil {
		err = hint.Refuse("wait a moment", "something else is being done to the state of %s right now", task.stack)
	} else {
		<-over
	}
	ending := fmt.Sprintf("exit code %d", code)
	if err != nil {
		ending = "failed: " + e.health.Redact(err.Error())
	}
	return code, errors.Join(err, e.journal.Update(func(tx *journal.Tx) error {
		if err := unlockStack(tx, task, ending); err != nil || c.Keep == nil || over == nil {
			return err
		}
		name, _ := archive.CopyName(kept)
		text := fmt.Sprintf("%s ran %q on %s (%s). The state of before is kept: state restore %s %s", task.by, task.what, task.stack, ending, task.stack, name)
		return tx.Enqueue(e.ledger.Note("exec/"+task.stack+"/"+kept, text))
	}))
}
