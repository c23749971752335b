package sim

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"sallyport/agent/engine"
	"sallyport/agent/terraform"
	"sallyport/agent/terraform/diag"
	"sallyport/agent/terraform/environ"
	"sallyport/store"
)

// cloud is what one stack is about: the objects, and the backend with its state and its lock.
type cloud struct {
	mu      sync.Mutex
	stack   string
	lineage string
	serial  int64
	state   map[string]string // what terraform believes
	objects map[string]string // what there is
	lock    *diag.LockInfo
	locks   int
}

// intent is a plan: what is in its file.
type intent struct {
	Stack   string
	Serial  int64
	Changes []change
}

type change struct{ Name, Action, Value string }

// effect is what a plan does, whenever it was made.
func (i intent) effect() string {
	raw, _ := json.Marshal(i.Changes) // plain values
	return i.Stack + " " + string(raw)
}

func (i intent) destroys() bool {
	return slices.ContainsFunc(i.Changes, func(c change) bool { return c.Action == "delete" })
}

// acquire takes the state lock, waiting as long as terraform is told to.
func (c *cloud) acquire(ctx context.Context, w *world, operation string, patience time.Duration) (id string, err error) {
	began := time.Now()
	for {
		c.mu.Lock()
		held := c.lock
		if held == nil {
			c.locks++
			id = fmt.Sprintf("%s-%d", c.stack, c.locks)
			c.lock = &diag.LockInfo{
				ID: id, Path: c.stack + ".tfstate", Operation: operation, Who: diag.LockOwner(""), Version: "1.11.4",
				Created: w.now().UTC().Format("2006-01-02 15:04:05.999999999 -0700 MST"),
			}
		}
		c.mu.Unlock()
		if held == nil {
			return id, nil
		}
		if time.Since(began) >= patience {
			return "", lockError{*held}
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(2 * time.Second):
		}
	}
}

func (c *cloud) release(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lock != nil && c.lock.ID == id {
		c.lock = nil
	}
}

// lockError is how terraform says that somebody holds the lock.
type lockError struct{ held diag.LockInfo }

func (e lockError) Error() string { return "the state is locked by " + e.held.Who }

func (e lockError) diagnostic() diag.Diagnostic {
	h := e.held
	return diag.Diagnostic{Severity: "error", Summary: "Error acquiring the state lock", Detail: fmt.Sprintf(
		"Error message: the state is locked\nLock Info:\n  ID:        %s\n  Path:      %s\n  Operation: %s\n  Who:       %s\n  Version:   %s\n  Created:   %s\n  Info:      \n",
		h.ID, h.Path, h.Operation, h.Who, h.Version, h.Created)}
}

// plan compares what is wanted with what there is.
func (c *cloud) plan(want map[string]string) (i intent, changes []store.Change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i = intent{Stack: c.stack, Serial: c.serial}
	add := func(name, action, value string, class store.Class) {
		i.Changes = append(i.Changes, change{name, action, value})
		changes = append(changes, store.Change{
			Address: address(name), Actions: []string{action}, Class: class, Type: "null_resource", Values: sum([]byte(name + action + value)),
		})
	}
	for _, name := range slices.Sorted(maps.Keys(c.objects)) {
		if _, wanted := want[name]; !wanted {
			add(name, "delete", "", store.ClassConfig)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		have, there := c.objects[name]
		known, was := c.state[name]
		switch {
		case !there && was:
			add(name, "create", want[name], store.ClassRecreate)
		case !there:
			add(name, "create", want[name], store.ClassConfig)
		case have != want[name] && have != known:
			add(name, "update", want[name], store.ClassDrift)
		case have != want[name]:
			add(name, "update", want[name], store.ClassConfig)
		}
	}
	return i, changes
}

func address(name string) string { return "null_resource." + name }

func sum(raw []byte) string { return fmt.Sprintf("%x", sha256.Sum256(raw)) }

// planner is terraform as one agent's plans have it.
type planner struct {
	w    *world
	life *life
}

var _ engine.Terraform = planner{}

// failed is the error of an operation that has taken so long.
func (p planner) failed(op string, took time.Duration, d diag.Diagnostic) error {
	e := &diag.Error{Op: op, Diagnostics: []diag.Diagnostic{d}, ExitCode: 1}
	e.Judge(diag.Period{Began: p.w.now().Add(-took), Ended: p.w.now()})
	return e
}

// ended is a plan whose context ended: by its timeout, by a person, or with the agent.
func (p planner) ended(ctx context.Context, o terraform.PlanOptions, lock string) error {
	c := p.w.clouds[o.Stack]
	if p.life.dead.Load() {
		// It dies with the agent, by a kill: the lock stays, if it had one.
		p.life.mustLive()
	}
	c.release(lock)
	return &diag.Error{Op: "plan", ExitCode: -1, Err: context.Cause(ctx)}
}

func (p planner) Plan(ctx context.Context, o terraform.PlanOptions) (*terraform.PlanResult, error) {
	p.life.mustLive()
	if o.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, o.Timeout, fmt.Errorf("plan_timeout of %s has passed: %w", o.Timeout, context.DeadlineExceeded))
		defer cancel()
	}
	w, c, dice := p.w, p.w.clouds[o.Stack], "plan "+o.Stack
	lock, began := "", time.Now()
	if !o.NoLock {
		id, err := c.acquire(ctx, w, diag.OperationPlan, o.LockTimeout)
		p.life.mustLive()
		var held lockError
		if errors.As(err, &held) {
			return nil, p.failed("plan", time.Since(began), held.diagnostic())
		}
		if err != nil {
			return nil, p.ended(ctx, o, "")
		}
		lock = id
	}
	took := w.between(dice, 3*time.Second, 40*time.Second)
	if w.chance(dice, 0.05) {
		took = w.between(dice, 5*time.Minute, 20*time.Minute)
	}
	if w.weather().terraform == "hang" {
		took = 24 * time.Hour
	}
	select {
	case <-ctx.Done():
		return nil, p.ended(ctx, o, lock)
	case <-time.After(took):
	}
	p.life.mustLive()
	defer c.release(lock)
	switch {
	case w.weather().terraform == "down" && w.chance(dice, 0.8):
		return nil, p.failed("init", took, diag.Diagnostic{Severity: "error", Summary: "Failed to query available provider packages", Detail: "could not connect to registry: connection refused"})
	case w.fault(dice, 0.03):
		return nil, p.failed("plan", took, diag.Diagnostic{Severity: "error", Summary: "Invalid function argument", Detail: "it will not do"})
	}
	return p.result(o)
}

// result writes what a plan leaves behind.
func (p planner) result(o terraform.PlanOptions) (*terraform.PlanResult, error) {
	text, err := os.ReadFile(filepath.Join(o.WorkDir, "main.tf"))
	if err != nil {
		return nil, err
	}
	want, ok := wanted(string(text))
	if !ok {
		return nil, p.failed("plan", time.Minute, diag.Diagnostic{Severity: "error", Summary: "Unsupported block type", Detail: "this configuration was broken by somebody"})
	}
	if o.Destroy {
		want = nil
	}
	c := p.w.clouds[o.Stack]
	i, changes := c.plan(want)
	raw, err := planFile(c, i, o.Commit)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(o.OutDir, "plan.tfplan")
	paths := environ.Options{Home: o.Home, TempDir: filepath.Join(o.OutDir, "tmp"), DataDir: o.DataDir, CLIConfigFile: filepath.Join(o.OutDir, "cli.tfrc")}
	if err := errors.Join(os.WriteFile(file, raw, 0o600), paths.Save(o.OutDir)); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	res := &terraform.PlanResult{PlanFile: file, Resources: len(c.state), Text: "Terraform will do " + i.effect() + "\n", Plan: store.Plan{
		Digest: sum(raw), Changes: changes, Outputs: []store.Output{}, Fingerprint: sum([]byte(i.effect())), Configuration: sum(text),
		Empty: len(changes) == 0, NewState: c.serial == 0, Version: o.Tool.Version, Binary: o.Tool.Path, BinaryDigest: o.Tool.Digest,
		Lineage: c.lineage, Serial: c.serial, PlanSeconds: 1,
	}}
	if res.Plan.Changes == nil {
		res.Plan.Changes = []store.Change{}
	}
	for _, ch := range i.Changes {
		switch ch.Action {
		case "create":
			res.Plan.Add++
		case "update":
			res.Plan.Change++
		case "delete":
			res.Plan.Destroy++
		}
	}
	p.w.promise.planned(res.Plan.Digest, i)
	p.w.note("plan in %s: %s", strings.TrimPrefix(o.OutDir, p.w.dir), i.effect())
	return res, nil
}

// planFile is a plan as terraform saves it: an archive with the state that it was made on.
func planFile(c *cloud, i intent, commit string) ([]byte, error) {
	c.mu.Lock()
	state := map[string]any{"version": 4, "lineage": c.lineage, "serial": c.serial, "resources": c.state}
	c.mu.Unlock()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, member := range map[string]any{"tfplan": i, "tfstate": state, "tfstate-prev": state, "commit": commit} {
		f, err := z.Create(name)
		if err != nil {
			return nil, err
		}
		if err := json.NewEncoder(f).Encode(member); err != nil {
			return nil, err
		}
	}
	err := z.Close()
	return b.Bytes(), err
}

// wanted reads what a root module asks for: a line "# want: a=1 b=2".
func wanted(text string) (want map[string]string, ok bool) {
	for line := range strings.Lines(text) {
		if rest, found := strings.CutPrefix(line, "# want:"); found {
			want = map[string]string{}
			for _, one := range strings.Fields(rest) {
				name, value, _ := strings.Cut(one, "=")
				want[name] = value
			}
			return want, true
		}
	}
	return nil, false
}

func (p planner) Unlock(ctx context.Context, o terraform.PlanOptions, id string) error {
	if err := p.works(ctx); err != nil {
		return err
	}
	c := p.w.clouds[o.Stack]
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.lock == nil:
		return terraform.ErrNotLocked
	case c.lock.ID != id:
		return &terraform.OtherLockError{Held: *c.lock}
	}
	c.lock = nil
	return nil
}

func (p planner) PushState(ctx context.Context, o terraform.PlanOptions, file string) error {
	if err := p.works(ctx); err != nil {
		return err
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var left leftState
	if err := json.Unmarshal(raw, &left); err != nil {
		return err
	}
	c := p.w.clouds[o.Stack]
	c.mu.Lock()
	defer c.mu.Unlock()
	if left.Serial < c.serial {
		return &diag.Error{Op: "state push", ExitCode: 1, Output: "cannot overwrite existing state with serial"}
	}
	c.serial, c.state = left.Serial, left.State
	return nil
}

// works takes terraform's time.
func (p planner) works(ctx context.Context) error {
	select {
	case <-ctx.Done():
		p.life.mustLive()
		return context.Cause(ctx)
	case <-time.After(3 * time.Second):
		p.life.mustLive()
		return nil
	}
}
