package e2e

// The shapes below are what a script outside the project knows of the JSON output: the documented fields and no others.

type status struct {
	Agent struct {
		Running   bool    `json:"running"`
		Version   string  `json:"version"`
		StartedAt *string `json:"started_at"`
		Paused    bool    `json:"paused"`
	} `json:"agent"`
	Repositories []repository `json:"repositories"`
	Stacks       []stack      `json:"stacks"`
	PullRequests []run        `json:"pull_requests"`
	Problems     []problem    `json:"problems"`
	Outbox       int          `json:"outbox"`
}

type repository struct {
	Name     string  `json:"name"`
	URL      string  `json:"url"`
	Branch   string  `json:"branch"`
	Head     string  `json:"head"`
	PolledAt *string `json:"polled_at"`
	Error    string  `json:"error"`
	Hint     string  `json:"hint"`
}

type stack struct {
	Name          string  `json:"name"`
	Repository    string  `json:"repository"`
	Dir           string  `json:"dir"`
	Workspace     string  `json:"workspace"`
	AppliedCommit string  `json:"applied_commit"`
	AppliedAt     *string `json:"applied_at"`
	Paused        bool    `json:"paused"`
	Behind        int     `json:"behind"`
	Error         string  `json:"error"`
	Run           *run    `json:"run"`
}

type problem struct {
	Source string `json:"source"`
	Error  string `json:"error"`
	Hint   string `json:"hint"`
}

type run struct {
	ID          int        `json:"id"`
	Stack       string     `json:"stack"`
	Kind        string     `json:"kind"`
	Status      string     `json:"status"`
	Commit      string     `json:"commit"`
	Author      string     `json:"author"`
	Subject     string     `json:"subject"`
	Reason      string     `json:"reason"`
	PullRequest int        `json:"pull_request"`
	CreatedAt   *string    `json:"created_at"`
	UpdatedAt   *string    `json:"updated_at"`
	ExpiresAt   *string    `json:"expires_at"`
	Plan        *plan      `json:"plan"`
	Decisions   []decision `json:"decisions"`
	Error       string     `json:"error"`
	Hint        string     `json:"hint"`
	Held        string     `json:"held"`
	Position    string     `json:"position"`
	GitDown     string     `json:"git_down"`
	Warnings    []string   `json:"warnings"`
	HookNotes   []struct {
		Hook string `json:"hook"`
		Text string `json:"text"`
	} `json:"hook_notes"`
	Facts map[string]string `json:"facts"`
}

type plan struct {
	Digest  string   `json:"digest"`
	Add     int      `json:"add"`
	Change  int      `json:"change"`
	Destroy int      `json:"destroy"`
	Changes []change `json:"changes"`
	Outputs []output `json:"outputs"`
}

type change struct {
	Address string   `json:"address"`
	Actions []string `json:"actions"`
	Class   string   `json:"class"`
}

type output struct {
	Name    string   `json:"name"`
	Actions []string `json:"actions"`
}

type decision struct {
	Verdict string `json:"verdict"`
	By      string `json:"by"`
	At      string `json:"at"`
	Text    string `json:"text"`
}

// problem is the first problem of a source that begins so; nil if there is none.
func (s status) problem(source string) *problem {
	for i, p := range s.Problems {
		if len(p.Source) >= len(source) && p.Source[:len(source)] == source {
			return &s.Problems[i]
		}
	}
	return nil
}
