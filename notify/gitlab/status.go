package gitlab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	gitlabapi "gitlab.com/gitlab-org/api/client-go/v2"

	"sallyport/notify/forge"
	"sallyport/notify/forge/wire"
	"sallyport/notify/redact"
)

const (
	// most is what GitLab takes of a description, an address, a branch and a name, in characters.
	most = 255
	// maxTold bounds what is remembered of statuses. What is forgotten is asked for again.
	maxTold = 2000
	// maxOlder is how many earlier heads of a merge request are looked at for statuses that an agent before this one left unfinished.
	maxOlder = 5
)

// job is a status as GitLab has it: a job of a pipeline.
type job struct {
	number      int // of the merge request; 0: of a branch
	commit      string
	name        string
	ref         string
	pipeline    int64
	state       string // of GitLab; empty: there is none
	description string
	target      string
}

func (j job) unfinished() bool { return j.state == "pending" || j.state == "running" }

// statuses sets statuses, and remembers them.
type statuses struct {
	*link
	mu   sync.Mutex // one status at a time
	told told
}

// told is what is known of statuses.
type told struct {
	jobs     map[string]job // by commit and name
	recalled map[int]bool   // merge requests whose earlier heads were looked at
}

func newTold() told { return told{jobs: map[string]job{}, recalled: map[int]bool{}} }

func key(commit, name string) string { return commit + " " + name }

func (t told) keep(j job) {
	if len(t.jobs) >= maxTold {
		for k, one := range t.jobs {
			if !one.unfinished() {
				delete(t.jobs, k)
			}
		}
	}
	if len(t.jobs) >= maxTold {
		clear(t.jobs)
	}
	t.jobs[key(j.commit, j.name)] = j
}

// stateOf is a state in GitLab's words. It has no state of its own for what is broken.
func stateOf(s forge.State) string {
	switch s {
	case forge.Pending:
		return "pending"
	case forge.Success:
		return "success"
	}
	return "failed"
}

// SetStatus sets a commit's status of one context, in the pipeline that the merge request shows, if it has one. It may be repeated:
// what GitLab has already is not sent again.
//
// The text of an unfinished status can be changed once, by letting it run; after that GitLab shows the older text until the status is
// finished. What is left unfinished on earlier heads of the same merge request is canceled. The head of a fork gets none:
// it would have to be set in the fork.
func (c *Client) SetStatus(ctx context.Context, at forge.Head, s forge.Status) error {
	return c.statuses.set(ctx, at, s)
}

func (c *statuses) set(ctx context.Context, at forge.Head, s forge.Status) error {
	const doing = "setting a status"
	if !hashPattern.MatchString(at.Commit) {
		return fmt.Errorf("%s: %.80q is no full hash", doing, at.Commit)
	}
	id, err := c.id(ctx)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if at.Number != 0 {
		c.finishOlder(ctx, id, at)
	}
	want := job{
		number: at.Number, commit: at.Commit, name: forge.Cut(redact.CleanLine(s.Context), most), state: stateOf(s.State),
		description: forge.Cut(redact.CleanLine(s.Description), most), target: wire.Target(s.TargetURL, most),
	}
	has, known := c.told.jobs[key(want.commit, want.name)]
	if !known {
		if has, err = c.newest(ctx, id, want); err != nil {
			return err
		}
	}
	same := has.description == want.description && has.target == want.target
	switch {
	case has.state == want.state && same, want.state == "pending" && has.state == "running":
		c.told.keep(has)
		return nil
	case want.state == "pending" && has.state == "pending":
		want.state = "running"
	}
	if has.unfinished() {
		want.ref, want.pipeline = has.ref, has.pipeline
	} else if want.ref, want.pipeline, err = c.place(ctx, id, at); err != nil {
		return err
	}
	return c.post(ctx, id, want)
}

// newest is our newest status of a commit and a name, if there is one.
func (c *statuses) newest(ctx context.Context, id int64, want job) (job, error) {
	list, err := c.jobs(ctx, id, want.commit, want.name)
	if err != nil {
		return job{}, err
	}
	for _, j := range list {
		if j.name == want.name {
			j.number = want.number
			return j, nil
		}
	}
	return job{}, nil
}

// jobs are our newest statuses of a commit, newest first, of one name if that is not empty.
func (c *statuses) jobs(ctx context.Context, id int64, commit, name string) ([]job, error) {
	const doing = "reading the statuses of a commit"
	self, err := c.SelfID(ctx)
	if err != nil {
		return nil, err
	}
	o := &gitlabapi.GetCommitStatusesOptions{ListOptions: gitlabapi.ListOptions{PerPage: perPage, Pagination: "keyset", OrderBy: "id", Sort: "desc"}}
	if name != "" {
		o.Name = &name
	}
	var out []job
	_, err = c.each(ctx, doing, perPage, func(options ...gitlabapi.RequestOptionFunc) (*gitlabapi.Response, int, bool, error) {
		list, resp, err := c.api.Commits.GetCommitStatuses(id, commit, o, options...)
		for _, st := range list {
			if st.Author.ID == self && st.SHA == commit {
				out = append(out, job{commit: commit, name: st.Name, ref: st.Ref, pipeline: st.PipelineID, state: st.Status,
					description: redact.CleanLine(st.Description), target: st.TargetURL})
			}
		}
		return resp, len(list), false, err
	})
	return out, noCommit(err)
}

// place says in which pipeline a new status belongs: the one that the merge request shows, if it is of this commit. Else GitLab takes
// the newest of the commit and the branch, or makes one.
func (c *statuses) place(ctx context.Context, id int64, at forge.Head) (ref string, pipeline int64, err error) {
	if at.Number == 0 {
		return at.Branch, 0, nil
	}
	raw, p, err := c.mergeRequest(ctx, id, at.Number)
	switch {
	case err != nil:
		return "", 0, err
	case !p.SameRepository():
		return "", 0, wire.Refused(site, "setting a status", "merge request !%d comes from a fork: its commits get no statuses here", at.Number)
	case raw.HeadPipeline != nil && raw.HeadPipeline.SHA == at.Commit && raw.HeadPipeline.ProjectID == id:
		return raw.HeadPipeline.Ref, raw.HeadPipeline.ID, nil
	}
	return cmp.Or(at.Branch, p.HeadRef), 0, nil
}

// cannot is what GitLab says of a state that a status has already, or that it cannot come to.
const cannot = "Cannot transition status via"

// post sends a status, and remembers what became of it.
func (c *statuses) post(ctx context.Context, id int64, want job) error {
	got, err := c.send(ctx, id, want)
	if wire.KindOf(err) == wire.NotFound && want.pipeline != 0 && strings.Contains(err.Error(), "Pipeline") {
		want.pipeline = 0 // it was deleted
		got, err = c.send(ctx, id, want)
	}
	switch {
	case err == nil:
		want.ref, want.pipeline = got.Ref, got.PipelineID
		c.told.keep(want)
		return nil
	case wire.KindOf(err) == wire.Invalid && want.unfinished() && strings.Contains(err.Error(), cannot):
		return nil // it is so already, and we had forgotten: the next time it is asked for
	}
	delete(c.told.jobs, key(want.commit, want.name)) // nobody knows now
	return noCommit(err)
}

func (c *statuses) send(ctx context.Context, id int64, want job) (*gitlabapi.CommitStatus, error) {
	o := &gitlabapi.SetCommitStatusOptions{State: gitlabapi.BuildStateValue(want.state), Name: &want.name, Description: &want.description}
	if want.ref != "" {
		o.Ref = &want.ref
	}
	if want.pipeline != 0 {
		o.PipelineID = &want.pipeline
	}
	if want.target != "" {
		o.TargetURL = &want.target
	}
	var got *gitlabapi.CommitStatus
	_, err := c.run(ctx, wire.Call{Doing: "setting a status", Effect: wire.Writes, Do: func(ctx context.Context) (err error) {
		got, _, err = c.api.Commits.SetCommitStatus(id, want.commit, o, gitlabapi.WithContext(ctx))
		return err
	}})
	return got, err
}

// noCommit makes a final error of what GitLab says of a commit that it does not know, or that is on no branch of the project. It may come to
// know it: whoever asks tries some more times.
func noCommit(err error) error {
	var e *wire.Error
	if !errors.As(err, &e) || e.Kind != wire.NotFound {
		return err
	}
	switch {
	case strings.Contains(e.Message, "References for commit"):
		e.Kind, e.Hint = wire.Invalid, "the commit is on no branch of the project any more: it was replaced, or it comes from a fork"
	case strings.Contains(e.Message, "Commit"):
		e.Kind, e.Hint = wire.Invalid, "GitLab does not know the commit (yet): if another server is pushed to, look at its mirroring"
	}
	return e
}

// finishOlder cancels what is left unfinished of earlier heads of a merge request, of an agent before this one too. What fails is tried again
// with the next status: it is in nobody's way but a pipeline's.
func (c *statuses) finishOlder(ctx context.Context, id int64, at forge.Head) {
	if c.recallOnce(ctx, id, at) {
		c.cancel(ctx, id, func(j job) bool { return j.number == at.Number && j.commit != at.Commit })
	}
}

// finishClosed cancels what is left unfinished of a merge request that was closed or merged while no agent ran: nobody else ever
// would, and GitLab shows a pipeline that runs for ever.
func (c *statuses) finishClosed(ctx context.Context, id int64, number int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.recallOnce(ctx, id, forge.Head{Number: number}) {
		c.cancel(ctx, id, func(j job) bool { return j.number == number })
	}
}

// recallOnce learns of unfinished statuses of a merge request that this agent has not set, and says whether it could.
func (c *statuses) recallOnce(ctx context.Context, id int64, at forge.Head) bool {
	if c.told.recalled[at.Number] {
		return true
	}
	if err := c.recall(ctx, id, at); err != nil {
		c.opts.Log.Warn("looking for statuses that were left unfinished", "merge_request", at.Number, "err", err)
		return false
	}
	c.told.recalled[at.Number] = true
	return true
}

// recall learns of unfinished statuses of a merge request's heads but for the one that is given.
func (c *statuses) recall(ctx context.Context, id int64, at forge.Head) error {
	heads, err := c.versions(ctx, id, at.Number)
	if err != nil {
		return err
	}
	seen := map[string]bool{at.Commit: true}
	for _, v := range heads {
		if seen[v.head] || len(seen) > maxOlder || !hashPattern.MatchString(v.head) {
			continue
		}
		seen[v.head] = true
		list, err := c.jobs(ctx, id, v.head, "")
		if wire.KindOf(err) == wire.Invalid {
			continue // it was replaced, and cleaned away
		}
		if err != nil {
			return err
		}
		for _, j := range list {
			if _, known := c.told.jobs[key(j.commit, j.name)]; !known && j.unfinished() && strings.HasPrefix(j.name, "sallyport/") {
				j.number = at.Number
				c.told.keep(j)
			}
		}
	}
	return nil
}

// giveUp cancels what is left unfinished of merge requests that are open no more.
func (c *statuses) giveUp(ctx context.Context, id int64, open map[int]forge.PullRequest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cancel(ctx, id, func(j job) bool {
		_, still := open[j.number]
		return j.number != 0 && !still
	})
}

func (c *statuses) cancel(ctx context.Context, id int64, which func(job) bool) {
	for k, j := range c.told.jobs {
		if !which(j) {
			continue
		}
		if !j.unfinished() {
			delete(c.told.jobs, k)
			continue
		}
		j.state, j.description = "canceled", "nobody waits for this any more"
		if _, err := c.send(ctx, id, j); err != nil && wire.KindOf(err) != wire.Invalid && wire.KindOf(err) != wire.NotFound {
			c.opts.Log.Warn("finishing a status that nobody waits for", "merge_request", j.number, "err", err)
			return
		}
		delete(c.told.jobs, k)
	}
}
