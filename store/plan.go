package store

import "slices"

// Class is how a change came about.
type Class string

// The classes of changes.
const (
	ClassConfig   Class = "config"   // the configuration asks for it
	ClassRecreate Class = "recreate" // the object vanished and is made again
	ClassDrift    Class = "drift"    // the object was changed outside
)

// Before is whether a stack had an object that its state does not hold.
type Before string

// What can be known of that. Empty: it never did, as far as it was watched.
const (
	BeforeThere   Before = "there"   // its state has held it, or an apply has made it
	BeforeUnknown Before = "unknown" // nobody knows: the stack was not watched all the time
)

// A Change is one thing that a plan does: to a resource most often; it can also be an action of Terraform's that it invokes, or a
// member of the plan that nobody here understands. It never carries attribute values.
type Change struct {
	Address string `json:"address"`
	// Actions are in Terraform's order; a replace is ["delete","create"] or ["create","delete"], an invoked action ["invoke"].
	Actions  []string `json:"actions"`
	Class    Class    `json:"class"`
	Previous string   `json:"previous_address,omitempty"` // a moved block
	// Importing: an object that exists already is taken into the state, alone (["import"]) or before the other actions.
	Importing bool `json:"importing,omitempty"`
	// Trigger says what invokes an action of Terraform's: "after_create of aws_instance.web".
	Trigger string `json:"trigger,omitempty"`
	// Unknown: Terraform's word for it, or the whole member of the plan, is none that this version knows. What it does nobody can
	// tell, so that no policy passes it and an approval has to name it.
	Unknown bool `json:"unknown,omitempty"`
	// Protected: the stack's protect patterns match, so an approval must name it if it is destroyed or recreated.
	Protected bool `json:"protected,omitempty"`
	// Replaceable: the stack's replaceable patterns match, so that a replacement, and nothing else, is routine.
	Replaceable bool   `json:"replaceable,omitempty"`
	Type        string `json:"type,omitempty"` // of the resource
	// Before says of a protected object that is made, and of which the state knows nothing, whether the stack had it.
	Before Before `json:"before,omitempty"`
	// Sources are the attributes by which the configuration says where the data of a new object comes from, never their values: a
	// snapshot, a backup. Of what is made anew only, and empty if there are none.
	Sources []string `json:"sources,omitempty"`
	// Follows are the recreated objects that this update or replacement has as its only cause, where that is proven.
	Follows []string `json:"follows,omitempty"`
	// Attributes are the names of those that an update or a replacement changes, never their values; of the first few changes only.
	Attributes []string `json:"attributes,omitempty"`
	// Values is a digest of what happens to the attributes; it tells two plans apart and is shown to nobody.
	Values string `json:"values,omitempty"`
}

// Destroys reports whether the change destroys an object, alone or as half of a replacement.
func (c Change) Destroys() bool { return slices.Contains(c.Actions, "delete") }

// Imports reports whether the change takes an object into the state that exists already.
func (c Change) Imports() bool { return c.Importing || slices.Contains(c.Actions, "import") }

// Invokes reports whether the change runs one of Terraform's actions: a program of a provider's, which can do anything.
func (c Change) Invokes() bool { return slices.Contains(c.Actions, "invoke") }

// Routine reports whether the change replaces an object that is there to be replaced, which a plain approve allows. What is
// protected never is, and what is destroyed without a successor never is.
func (c Change) Routine() bool {
	return c.Replaceable && !c.Protected && c.Destroys() && slices.Contains(c.Actions, "create")
}

// Anew reports whether the change makes a protected object that the stack has or had, or may have had. What it held is not in the new
// one, unless the configuration says where that comes from.
func (c Change) Anew() bool {
	return c.Protected && slices.Contains(c.Actions, "create") && (c.Destroys() || c.Forgets() || c.Class == ClassRecreate || c.Before != "")
}

// Forgets reports whether the change drops the object from the state without destroying it.
func (c Change) Forgets() bool { return slices.Contains(c.Actions, "forget") }

// MustName reports whether an approval has to name the change's address: nobody knows what it does; or it is protected, and it goes
// away, has gone away, was there before as far as anybody knows, is imported and changed at once (what stands there was never ours), or is an action of Terraform's. A
// vanished data volume that is made again would look healthy and be empty.
func (c Change) MustName() bool {
	overwrites := c.Imports() && slices.Contains(c.Actions, "update")
	return c.Unknown || c.Protected && (c.Destroys() || c.Forgets() || c.Class == ClassRecreate || c.Before != "" || overwrites || c.Invokes())
}

// An Output is a root module output that a plan changes.
type Output struct {
	Name    string   `json:"name"`
	Actions []string `json:"actions"`
	Later   bool     `json:"later,omitempty"`  // only the apply will know its value
	Values  string   `json:"values,omitempty"` // as of a change
}

// A FailedCheck is a condition of the configuration's own (a check block, a postcondition) that was found not to hold. It stops nothing.
type FailedCheck struct {
	Address  string   `json:"address"`
	Status   string   `json:"status"`             // fail, or error: it could not be looked at
	Problems []string `json:"problems,omitempty"` // in the configuration's own words, redacted
}

// A Deferred is a change that Terraform leaves to another plan.
type Deferred struct {
	Address string   `json:"address"`
	Actions []string `json:"actions"`
	Reason  string   `json:"reason"` // Terraform's word
}

// A Plan is the summary of one saved plan file; the file itself lies in the run's directory until the run ends.
type Plan struct {
	Digest string `json:"digest"` // SHA-256 of the plan file, hex
	// ApprovedDigest is that of the plan which people were shown, if this is another one: made again before the apply, with
	// the same changes.
	ApprovedDigest string `json:"approved_digest,omitempty"`
	Dir            string `json:"dir,omitempty"` // where its files lie in the run's directory; empty: there itself
	// Tree is the SHA-256 of what the plan left in its directories, which the apply gets; empty: nobody kept others out of them.
	Tree    string   `json:"tree,omitempty"`
	Add     int      `json:"add"`
	Change  int      `json:"change"`
	Destroy int      `json:"destroy"`
	Changes []Change `json:"changes"` // dangerous ones first: the order and numbers of the card
	Outputs []Output `json:"outputs"`

	Checks   []FailedCheck `json:"checks,omitempty"`   // those that do not hold already while planning
	Deferred []Deferred    `json:"deferred,omitempty"` // what this plan leaves to another one

	Fingerprint   string  `json:"fingerprint,omitempty"`    // of what it changes, values included: plans that would do the same have the same
	Configuration string  `json:"configuration,omitempty"`  // SHA-256 of the configuration in the plan file, remote modules included
	Empty         bool    `json:"empty,omitempty"`          // terraform: nothing to apply
	NewState      bool    `json:"new_state,omitempty"`      // there was no state yet: everything is new
	Version       string  `json:"version"`                  // of terraform
	Program       string  `json:"program,omitempty"`        // OpenTofu; empty: Terraform
	Binary        string  `json:"binary"`                   // absolute path of terraform
	BinaryDigest  string  `json:"binary_digest"`            // SHA-256, checked again before the apply
	LockDigest    string  `json:"lock_digest,omitempty"`    // SHA-256 of .terraform.lock.hcl as used; empty without providers
	VarsDigest    string  `json:"vars_digest,omitempty"`    // SHA-256 of the file with the ephemeral variables that the apply needs again; empty: there are none
	Kept          bool    `json:"kept,omitempty"`           // the agent keeps the state that was planned against
	Lineage       string  `json:"lineage,omitempty"`        // of the state that was planned against
	Serial        int64   `json:"serial,omitempty"`         // likewise
	PlanSeconds   float64 `json:"plan_seconds,omitempty"`   // wall time of terraform's part
	TextTruncated bool    `json:"text_truncated,omitempty"` // the human text was larger than what is kept
}

// Imports counts the objects that the plan takes into the state.
func (p *Plan) Imports() int {
	n := 0
	if p == nil {
		return n
	}
	for _, c := range p.Changes {
		if c.Imports() {
			n++
		}
	}
	return n
}

// ChecksFail reports whether checks of the configuration did not hold while it was planned.
func (p *Plan) ChecksFail() bool { return p != nil && len(p.Checks) > 0 }

// Tools names the terraform and the providers that the plan was made with.
func (p *Plan) Tools() string {
	if p == nil || p.BinaryDigest == "" {
		return ""
	}
	return p.BinaryDigest + " " + p.LockDigest
}

// Shown is the digest of the plan that people were shown and that their decisions are about.
func (p *Plan) Shown() string {
	if p.ApprovedDigest != "" {
		return p.ApprovedDigest
	}
	return p.Digest
}

// Destroys reports whether the plan destroys or replaces anything, so that a plain approve is not enough.
func (p *Plan) Destroys() bool {
	if p == nil {
		return false
	}
	for _, c := range p.Changes {
		if c.Destroys() {
			return true
		}
	}
	return p.Destroy > 0
}

// NeedsDestroy reports whether an approval has to say `destroy`: something is destroyed or replaced, and not as a routine.
func (p *Plan) NeedsDestroy() bool {
	if p == nil || len(p.Changes) == 0 {
		return p.Destroys()
	}
	return slices.ContainsFunc(p.Changes, func(c Change) bool { return c.Destroys() && !c.Routine() })
}

// MustName lists the addresses that an approval has to name, in card order.
func (p *Plan) MustName() []string {
	var out []string
	if p == nil {
		return nil
	}
	for _, c := range p.Changes {
		if c.MustName() {
			out = append(out, c.Address)
		}
	}
	return out
}
