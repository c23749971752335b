package githubtest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

func (s api) record(c Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, c)
	s.tell()
}

// Calls is how many requests of a route were made, failed ones included; an empty route counts all.
func (s *Server) Calls(route string) int { return len(s.Requests(route)) }

// Requests are the requests of a route in the order in which they came; an empty route gives all.
func (s *Server) Requests(route string) []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Call
	for _, c := range s.calls {
		if route == "" || c.Route == route {
			out = append(out, c)
		}
	}
	return out
}

// Connections is how many connections were made.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns
}

// Used is how many requests counted against the limit.
func (s *Server) Used() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used
}

// Statuses are all statuses that a commit was given in a context, oldest first; an empty context gives all.
func (s *Server) Statuses(repo, sha, context string) []Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return mustRepo(s, repo).history(sha, context)
}

// Status is how a commit stands in a context now; ok is false if it was given none.
func (s *Server) Status(repo, sha, context string) (st Status, ok bool) {
	list := s.Statuses(repo, sha, context)
	if len(list) == 0 {
		return Status{}, false
	}
	return list[len(list)-1], true
}

// Comments are the comments of a pull request that are there now, oldest first.
func (s *Server) Comments(repo string, number int) []Comment {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, p := mustPull(s, repo, number)
	var out []Comment
	for _, c := range r.comments {
		if c.Pull == p.Number && !c.Deleted {
			one := *c
			one.Versions = slices.Clone(c.Versions)
			out = append(out, one)
		}
	}
	return out
}

// Transcript is everything that was said and asked, for people who look at a failed test.
func (s *Server) Transcript() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s.repos)) {
		r := s.repos[name]
		fmt.Fprintf(&b, "%s (%d)\n", r.Name, r.ID)
		for _, p := range r.pulls {
			fmt.Fprintf(&b, "  pull request %d by %s at %.10s, open %t: %s\n", p.Number, p.Author, p.Head, p.Open, p.Title)
			for _, c := range r.comments {
				if c.Pull == p.Number && !c.Deleted {
					fmt.Fprintf(&b, "    %d %s (%d versions): %s\n", c.ID, c.Author, len(c.Versions), strings.ReplaceAll(c.Body, "\n", "\n      "))
				}
			}
		}
		for _, st := range r.statuses {
			fmt.Fprintf(&b, "  status of %.10s: %s %s: %s %s\n", st.SHA, st.Context, st.State, st.Description, st.TargetURL)
		}
	}
	for _, c := range s.calls {
		fmt.Fprintf(&b, "%s %s?%s = %d %s\n", c.Method, c.Path, c.Query.Encode(), c.Status, c.Fault)
	}
	return b.String()
}
