package forge

// State is what a site makes of a commit status.
type State string

// The states of commit statuses.
const (
	Pending State = "pending"
	Success State = "success"
	Failure State = "failure"
	Broken  State = "error"
)

// Status is one commit status. Setting it again replaces it.
type Status struct {
	Context     string
	State       State
	Description string // cut at what the site takes
	TargetURL   string // left out unless it is an http(s) URL, which is all that a site takes
}
