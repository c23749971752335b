package control

import (
	"strconv"
	"strings"
	"time"

	"sallyport/notify"
	"sallyport/store"
)

// RunOf is what is shown of a stored run. Votes that were withdrawn are not.
func RunOf(r *store.Run) Run {
	by, login := store.Account(r.RequestedBy)
	out := Run{
		ID: r.ID, Stack: r.Stack, Repository: r.Repository, Engine: EngineOf(r.Engine), Kind: r.Kind, Status: r.Status,
		Commit: r.Commit, Author: r.Author, Subject: r.Subject, Reason: r.Reason, RequestedBy: by, RequestedLogin: login,
		PullRequest: r.PullRequest, Change: notify.Change(r),
		CreatedAt: instant(r.CreatedAt), UpdatedAt: instant(r.UpdatedAt), PlannedAt: instant(r.PlannedAt),
		ExpiresAt: instant(r.ExpiresAt), EndedAt: instant(r.EndedAt),
		Plan: planOf(r.Plan), Decisions: []Decision{}, Apply: applyOf(r.Apply, r.Stack),
		Error: r.Error, Hint: r.Hint, Held: r.Held, Asks: r.Asks, Position: r.Position, GitDown: r.GitDown,
		Warnings: list(r.Warnings), After: r.After, Options: optionsOf(r),
		Artifacts: artifactsOf(r.Artifacts), Images: usesOf(r.Images), Notes: list(r.Notes),
		HookNotes: hookNotesOf(r.HookNotes), Facts: r.Facts(),
		People: map[string]string{},
	}
	if len(out.Artifacts) > 0 {
		out.Artifact = &out.Artifacts[0]
	}
	for _, d := range r.Decisions {
		if d.Withdrawn == "" {
			by, login := store.Account(d.By)
			out.Decisions = append(out.Decisions, Decision{Verdict: d.Verdict, By: by, Login: login, At: instant(d.At), Text: d.Text})
		}
	}
	if g := r.BreakGlass; g != nil {
		out.BreakGlass = &BreakGlass{By: accountOf(g.By), At: instant(g.At), Reason: g.Reason, ReviewedBy: accountOf(g.ReviewedBy), ReviewedAt: instant(g.ReviewedAt), Review: g.Review}
	}
	if r.Card != nil {
		out.Permalink = r.Card.Permalink
	}
	return out
}

func artifactsOf(list []store.Artifact) []Artifact {
	out := make([]Artifact, 0, len(list))
	for _, made := range list {
		out = append(out, Artifact(made))
	}
	return out
}

func usesOf(list []store.ImageUse) []ImageUse {
	out := make([]ImageUse, 0, len(list))
	for _, u := range list {
		out = append(out, ImageUse{Variable: u.Variable, Image: u.Image, Run: u.Run, Given: u.Given, Artifacts: artifactsOf(u.Artifacts)})
	}
	return out
}

// EngineOf is the engine of a stack or run; records of before there were several have none.
func EngineOf(name string) string {
	if name == "" {
		return "terraform"
	}
	return name
}

func optionsOf(r *store.Run) Options {
	o := r.Options
	out := Options{
		Replace: list(o.Replace), Targets: list(o.Targets), RefreshOnly: o.RefreshOnly, Destroy: o.Destroy, EmptyState: o.EmptyState, Commit: o.Commit, Back: o.Back,
		Vars: list(o.Vars), Images: o.Images, Kinds: list(o.Kinds(r.Commit)),
	}
	if out.Images == nil {
		out.Images = map[string]string{}
	}
	return out
}

func planOf(p *store.Plan) *Plan {
	if p == nil {
		return nil
	}
	out := &Plan{
		Digest: p.Digest, ApprovedDigest: p.ApprovedDigest, Add: p.Add, Change: p.Change, Destroy: p.Destroy,
		Changes: make([]Change, 0, len(p.Changes)), Outputs: make([]Output, 0, len(p.Outputs)),
		NewState: p.NewState, Version: p.Version,
		Import: p.Imports(), Checks: checksOf(p.Checks), Deferred: make([]Deferred, 0, len(p.Deferred)),
	}
	for _, d := range p.Deferred {
		out.Deferred = append(out.Deferred, Deferred{Address: d.Address, Actions: list(d.Actions), Reason: d.Reason})
	}
	for _, c := range p.Changes {
		out.Changes = append(out.Changes, Change{
			Address: c.Address, Actions: list(c.Actions), Class: c.Class, Previous: c.Previous,
			Protected: c.Protected, MustName: c.MustName(), Routine: c.Routine(), Follows: list(c.Follows),
			Importing: c.Imports(), Trigger: c.Trigger, Unknown: c.Unknown, Attributes: list(c.Attributes),
			Before: c.Before, ComesBack: c.Anew(), DataFrom: list(c.Sources),
		})
	}
	for _, o := range p.Outputs {
		out.Outputs = append(out.Outputs, Output{Name: o.Name, Actions: list(o.Actions)})
	}
	return out
}

func checksOf(failed []store.FailedCheck) []Check {
	out := make([]Check, 0, len(failed))
	for _, c := range failed {
		out = append(out, Check{Address: c.Address, Status: c.Status, Problems: list(c.Problems)})
	}
	return out
}

func applyOf(a *store.Apply, stack string) *Apply {
	if a == nil {
		return nil
	}
	return &Apply{
		StartedAt: instant(a.StartedAt), EndedAt: instant(a.EndedAt), Done: a.Done, Total: a.Total,
		Current: a.Current, Open: list(a.Open), Outputs: list(a.Outputs), Checks: checksOf(a.Checks),
		LeftLock: LeftLockOf(a.LeftLock, stack), LeftState: a.LeftState, PushedBy: accountOf(a.PushedBy),
	}
}

// StackOf is what is shown of a stack; run is its newest open run that can apply, else its newest such run, else nil.
func StackOf(s *store.StackState, run *store.Run) Stack {
	out := Stack{
		Name: s.Name, Repository: s.Repository, Dir: s.Dir, Workspace: s.Workspace, Engine: EngineOf(s.Engine),
		AppliedCommit: s.AppliedCommit, AppliedAt: instant(s.AppliedAt), CheckedAt: instant(s.CheckedAt),
		Paused: s.Paused != nil, Pause: PauseOf(s.Paused), Pin: pinOf(s.Pin), Occupied: PauseOf(s.Occupied),
		Behind: s.Behind, Error: s.Error, Resources: s.Resources,
		LeftLock: LeftLockOf(s.LeftLock, s.Name), LeftState: s.LeftState, Drift: driftOf(s.Drift),
		Partly: partlyOf(s, run), LeftOut: leftOutOf(s), Look: lookOf(s, run), Seen: s.Seen,
	}
	if d := s.Destroyed; d != nil {
		out.Destroyed = &Destroyed{Run: d.Run, At: instant(d.At)}
	}
	out.Checks = checksOf(s.Checks)
	out.Builds, out.Images = make([]Build, 0, len(s.Builds)), usesOf(s.Images)
	for _, b := range s.Builds {
		out.Builds = append(out.Builds, Build{Run: b.Run, Commit: b.Commit, At: instant(b.At), Artifacts: artifactsOf(b.Artifacts)})
	}
	if run != nil {
		r := RunOf(run)
		out.Run = &r
	}
	return out
}

// RepositoryOf is what is shown of a repository. That its branch is held is an error, with an agent and without.
func RepositoryOf(r *store.RepositoryState) Repository {
	out := Repository{
		Name: r.Name, URL: r.URL, Branch: r.Branch, Head: r.Head, PolledAt: instant(r.PolledAt),
		Error: r.Error, ErrorAt: instant(r.ErrorAt), HeldHead: r.HeldHead,
	}
	if out.Error == "" {
		out.Error = notify.HeldText(r)
	}
	return out
}

// TrustHint is what people do about a commit that is not trusted.
const TrustHint = "Have it signed or reviewed as require_signed and require_review ask for, and push that; `accept` does not take it."

// PauseOf is what is shown of a pause; nil for nil.
func PauseOf(p *store.Pause) *Pause {
	if p == nil {
		return nil
	}
	by, login := store.Account(p.By)
	return &Pause{By: by, Login: login, At: p.At.UTC(), Reason: p.Reason}
}

func pinOf(p *store.Pin) *Pin {
	if p == nil {
		return nil
	}
	by, login := store.Account(p.By)
	return &Pin{Run: p.Run, Commit: p.Commit, Back: p.Back, Vars: list(p.Vars), By: by, Login: login, At: p.At.UTC(), Reason: p.Reason}
}

// accountOf is who did something, without who had logged in.
func accountOf(by string) string {
	account, _ := store.Account(by)
	return account
}

// instant makes an unset time null in JSON and every other UTC.
func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// list makes sure that JSON says [] and never null.
func list(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// EmptyAgain counts the protected objects that the plan makes again, and of which the configuration does not say where their data
// comes from.
func (p *Plan) EmptyAgain() int {
	n := 0
	for _, c := range p.Changes {
		if c.ComesBack && len(c.DataFrom) == 0 {
			n++
		}
	}
	return n
}

// approveLine is `sallyport approve 12 destroy 2` and its shorter forms.
func approveLine(r Run) string {
	words := []string{"sallyport", "approve", strconv.Itoa(r.ID)}
	var names []string
	if r.Plan != nil {
		for i, c := range r.Plan.Changes {
			if c.MustName {
				names = append(names, strconv.Itoa(i+1))
			}
		}
	}
	if r.Plan.NeedsDestroy() || len(names) > 0 {
		words = append(append(words, "destroy"), names...)
	}
	return strings.Join(words, " ")
}

func driftOf(d *store.Drift) *Drift {
	if d == nil {
		return nil
	}
	return &Drift{
		Schedule: d.Schedule, CheckedAt: instant(d.CheckedAt), Gone: d.Gone, Changed: d.Changed, Config: d.Config, Outputs: d.Outputs,
		Since: instant(d.Since), Run: d.Run, Error: d.Error, Hint: d.Hint, ErrorAt: instant(d.ErrorAt),
	}
}
