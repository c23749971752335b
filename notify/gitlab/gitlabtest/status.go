package gitlabtest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// createStatus makes or changes a job in the pipeline of a commit, as GitLab's service does.
func (s api) createStatus(r *request, p *project) answer {
	if levelOf(s.Server, p, ownerID) < Developer {
		return say(http.StatusForbidden, "403 Forbidden")
	}
	sha := r.PathValue("sha")
	c := p.commits[sha]
	if c == nil {
		return notFound("Commit")
	}
	state, ref := r.Text("state"), r.Text("ref")
	line := s.pipelineFor(p, sha, ref, r.Text("pipeline_id"))
	switch {
	case ref == "" && line != nil:
		ref = line.ref
	case ref == "" && len(c.Branches) > 0:
		ref = slices.Sorted(slices.Values(c.Branches))[0]
	}
	switch {
	case !slices.Contains([]string{"pending", "running", "success", "failed", "canceled", "skipped"}, state):
		return answer{Status: http.StatusBadRequest, Body: map[string]any{"error": "state does not have a valid value"}}
	case ref == "":
		return notFound("References for commit")
	case r.Text("pipeline_id") != "" && line == nil:
		return notFound("Pipeline for pipeline_id, sha and ref")
	}
	if level, ok := p.Protected[ref]; ok && levelOf(s.Server, p, ownerID) < level {
		return say(http.StatusForbidden, "403 Forbidden")
	}
	if a := tooLong(r, ref); a != nil {
		return *a
	}
	if line == nil {
		p.pipelines = append(p.pipelines, pipeline{id: nextID(s.Server), sha: sha, ref: ref, source: "external"})
		line = &p.pipelines[len(p.pipelines)-1]
	}
	return s.changeJob(r, p, *line, ref)
}

// changeJob changes the unfinished job of that name, or makes one.
func (s api) changeJob(r *request, p *project, line pipeline, ref string) answer {
	name := r.Text("name")
	if name == "" {
		name = r.Text("context")
	}
	if name == "" {
		name = "default"
	}
	at := slices.IndexFunc(p.jobs, func(j *Status) bool {
		return j.Pipeline == line.id && j.Context == name && j.Ref == ref && j.User == s.opts.Login && (j.State == "pending" || j.State == "running")
	})
	job := &Status{State: "created", SHA: line.sha, Ref: ref, Context: name, User: s.opts.Login, Pipeline: line.id}
	if at >= 0 {
		before := *p.jobs[at]
		job = &before
	}
	if event := transition(job.State, r.Text("state")); event != "" {
		return say(http.StatusBadRequest, fmt.Sprintf("Cannot transition status via :%s from :%s (Reason(s): Status cannot transition via %q)", event, job.State, event))
	}
	job.State, job.At = r.Text("state"), s.now()
	if v := r.Text("description"); v != "" {
		job.Description = v
	}
	if v := r.Text("target_url"); v != "" {
		job.TargetURL = v
	}
	if at >= 0 {
		*p.jobs[at] = *job
	} else {
		job.ID = nextID(s.Server)
		p.jobs = append(p.jobs, job)
	}
	return answer{Status: http.StatusCreated, Body: s.job(job)}
}

// transition is the event that a state machine refuses; empty if it takes it.
func transition(from, to string) (refused string) {
	switch to {
	case "pending":
		if from != "created" {
			return "enqueue"
		}
	case "running":
		if from != "created" && from != "pending" {
			return "run"
		}
	case "skipped":
		if from == "running" {
			return "skip"
		}
	}
	return ""
}

func tooLong(r *request, ref string) *answer {
	for key, text := range map[string]string{"description": r.Text("description"), "target_url": r.Text("target_url"), "ref": ref} {
		if utf8.RuneCountInString(text) > 255 {
			return &answer{Status: http.StatusBadRequest, Body: map[string]any{"message": map[string]any{key: []string{"is too long (maximum is 255 characters)"}}}}
		}
	}
	if u := r.Text("target_url"); u != "" && !strings.HasPrefix(u, "http://") && !strings.HasPrefix(u, "https://") {
		return &answer{Status: http.StatusBadRequest, Body: map[string]any{"message": map[string]any{"target_url": []string{"is blocked: Only allowed schemes are http, https"}}}}
	}
	return nil
}

// pipelineFor is the newest pipeline of a commit, of that ref and number if they are given.
func (s api) pipelineFor(p *project, sha, ref, id string) *pipeline {
	for i := len(p.pipelines) - 1; i >= 0; i-- {
		line := &p.pipelines[i]
		if line.sha == sha && (ref == "" || line.ref == ref) && (id == "" || id == strconv.FormatInt(line.id, 10)) {
			return line
		}
	}
	return nil
}

func (s api) job(j *Status) map[string]any {
	return map[string]any{"id": j.ID, "sha": j.SHA, "ref": j.Ref, "status": j.State, "name": j.Context, "description": j.Description,
		"target_url": j.TargetURL, "pipeline_id": j.Pipeline, "created_at": stamp(j.At), "author": s.user(j.User), "allow_failure": false}
}

// listStatuses are the newest jobs of each name of a commit.
func (s api) listStatuses(r *request, p *project) answer {
	sha, q := r.PathValue("sha"), r.URL.Query()
	if p.commits[sha] == nil {
		return notFound("Commit")
	}
	var list []any
	seen := map[string]bool{}
	for i := len(p.jobs) - 1; i >= 0; i-- {
		j := p.jobs[i]
		key := fmt.Sprint(j.Context, "\n", j.Ref, "\n", j.Pipeline)
		if j.SHA != sha || q.Get("name") != "" && q.Get("name") != j.Context || q.Get("ref") != "" && q.Get("ref") != j.Ref || q.Get("all") != "true" && seen[key] {
			continue
		}
		seen[key] = true
		list = append(list, s.job(j))
	}
	return s.paged(r, list)
}

// Statuses are all jobs that a commit was given under a name, oldest first; an empty name gives all.
func (s *Server) Statuses(name, sha, context string) []Status {
	s.Lock()
	defer s.Unlock()
	var out []Status
	for _, j := range mustProject(s, name).jobs {
		if j.SHA == sha && (context == "" || j.Context == context) {
			out = append(out, *j)
		}
	}
	return out
}

// Status is how a commit stands under a name now; ok is false if it was given none.
func (s *Server) Status(name, sha, context string) (st Status, ok bool) {
	list := s.Statuses(name, sha, context)
	if len(list) == 0 {
		return Status{}, false
	}
	return list[len(list)-1], true
}

// Unfinished reports whether a job of a commit keeps its pipeline running.
func (s *Server) Unfinished(name, sha string) bool {
	return slices.ContainsFunc(s.Statuses(name, sha, ""), func(j Status) bool { return j.State == "pending" || j.State == "running" })
}

// Cancel cancels a job, as people do.
func (s *Server) Cancel(name string, id int64) {
	s.change(func() {
		for _, j := range mustProject(s, name).jobs {
			if j.ID == id {
				j.State = "canceled"
			}
		}
	})
}
