package config

import (
	"path"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// What a stack gets where neither it nor the defaults block says anything.
const (
	defaultPlanTTL     = 24 * time.Hour
	defaultPlanTimeout = 30 * time.Minute
	defaultLockTimeout = time.Minute
	// defaultAutoApplyLimit is how often a policy applies in a day: what vanishes a fourth time has a cause that somebody has
	// to look at.
	defaultAutoApplyLimit = 3
	maxLabel              = 20 // characters; the label stands first on a lock screen
)

// stackDecoder reads the stack, stacks and defaults blocks.
type stackDecoder struct {
	l        *loader
	cfg      *Config
	defaults hcl.Attributes
	above    hcl.Blocks // of the defaults block
	blocks   []*stackBlock
}

// stackBlock is a stack or stacks block together with its place, for the checks across blocks.
type stackBlock struct {
	*Stack
	glob  string // of a stacks block
	attrs attributes
}

// useDefaults reads the defaults block. Its attributes are checked here too, so that one which every stack replaces is
// not left wrong.
func (d *stackDecoder) useDefaults(b *hcl.Block) {
	content := d.l.content(b.Body, withoutRequired(stackShape()))
	for _, name := range []string{"dir", "depends_on"} {
		if attr := content.Attributes[name]; attr != nil {
			d.l.fault(attr.NameRange, "Misplaced attribute", "%s may not stand in defaults: every stack has its own.", name)
			delete(content.Attributes, name)
		}
	}
	for _, block := range ofType(content.Blocks, "hooks") {
		d.l.fault(block.DefRange, "Misplaced block", "%s may not stand in defaults: outside of it, it holds for every stack, and a stack's own is added.", block.Type)
	}
	d.decode(attributes{own: content.Attributes, ownBlocks: content.Blocks, header: b.DefRange}, &Stack{})
	if attr := content.Attributes["repository"]; attr != nil {
		d.repository(attributes{own: content.Attributes, header: b.DefRange}, &Stack{})
	}
	d.defaults, d.above = content.Attributes, content.Blocks
}

// withoutRequired makes everything optional.
func withoutRequired(s shape) shape {
	s.optional = append(s.optional, s.required...)
	s.required = nil
	return s
}

// stacks reads all stack and stacks blocks in their order.
func (d *stackDecoder) stacks(blocks hcl.Blocks) {
	names, globs := map[string]named{}, map[string]hcl.Range{}
	for _, b := range blocks {
		switch b.Type {
		case "stack":
			if d.l.stackLabel(b, names) {
				d.cfg.Stacks = append(d.cfg.Stacks, d.stack(b))
			}
		case "stacks":
			if g := d.stackGlob(b, globs); g != nil {
				d.cfg.StackGlobs = append(d.cfg.StackGlobs, g)
			}
		}
	}
}

func (d *stackDecoder) stack(b *hcl.Block) *Stack {
	content := d.l.content(b.Body, stackShape())
	a := attributes{own: content.Attributes, base: d.defaults, ownBlocks: content.Blocks, baseBlocks: d.above, header: b.DefRange}
	s := &Stack{Name: b.Labels[0], Hooks: d.l.hooks(d.l.single(content.Blocks, "hooks"))}
	d.decode(a, s)
	d.repository(a, s)
	if d.l.str(a, "dir", &s.Dir) {
		if clean, reason := cleanDir(s.Dir); reason != "" {
			d.l.fault(a.at("dir"), "Invalid directory", "dir = %q: %s.", s.Dir, reason)
		} else {
			s.Dir = clean
			for i, f := range s.VarFiles {
				if reason := varFileFault(s.Dir, f); reason != "" {
					d.l.fault(a.element("var_files", i), "Invalid path", "%q: %s.", f, reason)
				}
			}
		}
	}
	s.Inputs = finalInputs(d.inputs(s), s.Dir)
	d.blocks = append(d.blocks, &stackBlock{Stack: s, attrs: a})
	return s
}

func (d *stackDecoder) stackGlob(b *hcl.Block, taken map[string]hcl.Range) *StackGlob {
	glob := b.Labels[0]
	content := d.l.content(b.Body, withoutRequired(stackShape()))
	if attr := content.Attributes["dir"]; attr != nil {
		d.l.fault(attr.NameRange, "Misplaced attribute", "dir may not stand in a stacks block: each directory that matches %q makes a stack.", glob)
		delete(content.Attributes, "dir")
	}
	a := attributes{own: content.Attributes, base: d.defaults, ownBlocks: content.Blocks, baseBlocks: d.above, header: b.DefRange}
	g := &StackGlob{Glob: glob}
	g.Stack.Hooks = d.l.hooks(d.l.single(content.Blocks, "hooks"))
	d.decode(a, &g.Stack)
	d.repository(a, &g.Stack)
	g.Stack.Inputs = d.inputs(&g.Stack)
	if reason := globFault(glob); reason != "" {
		d.l.fault(b.LabelRanges[0], "Invalid glob", "%q: %s.", glob, reason)
	}
	key := g.Stack.Repository + "\x00" + g.Stack.Workspace + "\x00" + glob
	if first, dup := taken[key]; dup {
		d.l.fault(b.DefRange, "Duplicate stacks block", "The block at %s makes stacks of the same directories.", place(first))
		return nil
	}
	taken[key] = b.DefRange
	d.blocks = append(d.blocks, &stackBlock{Stack: &g.Stack, glob: glob, attrs: a})
	return g
}

// repository resolves the repository's name; with one repository it need not be said.
func (d *stackDecoder) repository(a attributes, s *Stack) {
	if a.get("repository") == nil {
		switch len(d.cfg.Repositories) {
		case 0: // said once, for the whole configuration
		case 1:
			s.Repository = d.cfg.Repositories[0].Name
		default:
			d.l.fault(a.header, "Missing repository", "With more than one repository each stack says which is its own: repository = %s.", orList(d.repositoryNames()))
		}
		return
	}
	if d.l.str(a, "repository", &s.Repository) && d.cfg.Repository(s.Repository) == nil && len(d.cfg.Repositories) > 0 {
		d.l.fault(a.at("repository"), "Unknown repository", "There is no repository %q, but %s.", s.Repository, orList(d.repositoryNames()))
	}
}

func (d *stackDecoder) repositoryNames() []string {
	var names []string
	for _, r := range d.cfg.Repositories {
		names = append(names, r.Name)
	}
	return names
}

// decode reads everything of a stack but its repository and directory.
func (d *stackDecoder) decode(a attributes, s *Stack) {
	s.Engine, s.Workspace = EngineTerraform, "default"
	if d.l.str(a, "workspace", &s.Workspace) && !validWorkspace(s.Workspace) {
		d.l.fault(a.at("workspace"), "Invalid workspace", "%q cannot be the name of a Terraform workspace: letters, digits, dots, dashes and underscores, 90 at most.", s.Workspace)
	}
	d.l.strs(a, "var_files", &s.VarFiles)
	for i, f := range s.VarFiles {
		if reason := varFileFault("", f); reason != "" {
			d.l.fault(a.element("var_files", i), "Invalid path", "%q: %s.", f, reason)
		}
	}
	d.globs(a, "watch", &s.Watch)
	s.Vars = d.l.vars(a)
	s.Env = d.l.environment(a, "env")
	s.PlanEnv = d.l.environment(a, "plan_env")
	s.ApplyEnv = d.l.environment(a, "apply_env")
	s.BackendConfig = d.l.secretMap(a, "backend_config")
	for k := range s.BackendConfig {
		if !hclsyntax.ValidIdentifier(k) {
			d.l.fault(a.key("backend_config", k), "Invalid name", "%q cannot be the name of an argument of a backend.", k)
		}
	}
	d.tools(a, s)
	d.imageVars(a, s)
	d.decisions(a, s)
	d.windows(a, s)
	d.breakGlass(a, s)
	d.announcement(a, s)
}

// decisions reads who decides what, and for how long.
func (d *stackDecoder) decisions(a attributes, s *Stack) {
	s.Approvals, s.AllowSelfApproval = 1, true
	s.PlanTTL, s.PlanTimeout, s.LockTimeout = defaultPlanTTL, defaultPlanTimeout, defaultLockTimeout
	d.l.whole(a, "approvals", &s.Approvals)
	d.l.approvers(a, "approvers", &s.Approvers)
	d.l.boolean(a, "allow_self_approval", &s.AllowSelfApproval)
	d.l.duration(a, "plan_ttl", &s.PlanTTL, 0)
	d.l.duration(a, "plan_timeout", &s.PlanTimeout, 0)
	d.l.duration(a, "lock_timeout", &s.LockTimeout, 0)
	d.l.duration(a, "apply_alert", &s.ApplyAlert, 0)
	d.l.duration(a, "verify_after", &s.VerifyAfter, time.Minute) // shorter, and it would be over again before the apply
	d.l.strs(a, "depends_on", &s.DependsOn)
	d.patterns(a, "protect", &s.Protect)
	d.patterns(a, "replaceable", &s.Replaceable)
	var most int
	if d.l.between(a, "max_destroy", &most, 0, 100_000) {
		s.MaxDestroy = &most
	}
	d.policy(a, s)
}

// policy reads which plans apply by themselves, and when the stack is looked at for drift.
func (d *stackDecoder) policy(a attributes, s *Stack) {
	d.l.schedule(a, "drift", &s.Drift)
	var policy string
	if d.l.oneOf(a, "auto_apply", &policy, "never", "recreate", "no_destroy", "always") && policy != "never" {
		s.AutoApply = Policy(policy)
	}
	s.AutoApplyLimit = defaultAutoApplyLimit
	d.l.whole(a, "auto_apply_limit", &s.AutoApplyLimit)
	if d.l.strs(a, "recreate_also", &s.RecreateAlso) {
		for i, name := range s.RecreateAlso {
			if !hclsyntax.ValidIdentifier(name) {
				d.l.fault(a.element("recreate_also", i), "Invalid type", `%q is no resource type: write one like "aws_volume_attachment", without a name or a star.`, name)
			}
		}
	}
}

// patterns reads a list of patterns of addresses.
func (d *stackDecoder) patterns(a attributes, name string, dst *[]string) {
	if !d.l.strs(a, name, dst) {
		return
	}
	for i, p := range *dst {
		if strings.TrimSpace(p) != p || p == "" {
			d.l.fault(a.element(name, i), "Invalid pattern", `%q matches no address: write one like "aws_ebs_volume.data" or "aws_ebs_volume.*".`, p)
		}
	}
}

// announcement reads where and how a stack's runs are told.
func (d *stackDecoder) announcement(a attributes, s *Stack) {
	var mode string
	if d.l.oneOf(a, "mode", &mode, "normal", "observe") && mode == "observe" {
		s.Mode = ModeObserve
	}
	d.l.channel(a, &s.Channel)
	if d.l.strs(a, "mention", &s.Mention) {
		for i, id := range s.Mention {
			if !userID.MatchString(id) && !groupID.MatchString(id) {
				d.l.fault(a.element("mention", i), "Invalid mention", `%q is neither the id of a user ("U01ABCDEF") nor of a user group ("S01OPSTEAM").`, id)
			}
		}
	}
	if d.l.str(a, "label", &s.Label) {
		unprintable := strings.ContainsFunc(s.Label, func(r rune) bool { return !unicode.IsPrint(r) })
		if utf8.RuneCountInString(s.Label) > maxLabel || unprintable {
			d.l.fault(a.at("label"), "Invalid label", "A label has at most %d printable characters.", maxLabel)
		}
	}
	s.PlanInSlack = "full"
	d.l.oneOf(a, "plan_in_slack", &s.PlanInSlack, "full", "addresses", "none")
}

// globs reads a list of globs that are relative to the repository's root.
func (d *stackDecoder) globs(a attributes, name string, dst *[]string) {
	if !d.l.strs(a, name, dst) {
		return
	}
	for i, g := range *dst {
		if reason := globFault(g); reason != "" {
			d.l.fault(a.element(name, i), "Invalid glob", "%q: %s.", g, reason)
		}
	}
}

// vars reads the variables for terraform. Marks are taken off, since nothing that writes a var file knows them; what
// was secret is in Config.Secrets.
func (l *loader) vars(a attributes) map[string]cty.Value {
	v, ok := l.eval(a.get("vars"), cty.DynamicPseudoType)
	if !ok {
		return nil
	}
	if v.IsMarked() || !v.IsKnown() {
		l.secretKeys(a, "vars")
		return nil
	}
	if !v.Type().IsObjectType() && !v.Type().IsMapType() {
		l.fault(a.at("vars"), "Wrong type", `vars must be a map: { region = "us-east-1" }.`)
		return nil
	}
	vars := map[string]cty.Value{}
	for name, value := range v.AsValueMap() {
		if !hclsyntax.ValidIdentifier(name) {
			l.fault(a.key("vars", name), "Invalid name", "%q cannot be the name of a Terraform variable.", name)
			continue
		}
		value, _ = value.UnmarkDeep()
		// What could not be read here (see MissingCredentialsWarn) would be no JSON.
		known, err := cty.Transform(value, func(_ cty.Path, v cty.Value) (cty.Value, error) {
			if !v.IsKnown() {
				return cty.StringVal(""), nil
			}
			return v, nil
		})
		if err != nil {
			// Lists want one type for all elements, which the stand-in may not have.
			known = cty.StringVal("")
		}
		vars[name] = known
	}
	return vars
}

// StackFor makes the stack of one directory that matches the glob, given slash-separated and relative to the
// repository's root. Its name is the directory's with - for / and for what a name cannot hold; the root's is the repository's.
// The error is a [DirError]. If all stacks of the glob depend on one of them, that one does not depend on itself.
func (g *StackGlob) StackFor(dir string) (*Stack, error) {
	clean, reason := cleanDir(dir)
	if reason == "" && !utf8.ValidString(dir) {
		reason = "it is not UTF-8"
	}
	if reason != "" {
		return nil, &DirError{Glob: g.Glob, Dir: dir, kind: unusableDir, reason: reason}
	}
	s := g.Stack
	s.Dir, s.Name = clean, nameFor(g.Stack.Repository, clean)
	for _, f := range s.VarFiles {
		if reason := varFileFault(clean, f); reason != "" {
			return nil, &DirError{Glob: g.Glob, Dir: dir, kind: farVarFile, reason: "var file " + path.Base(f) + ": " + reason}
		}
	}
	s.DependsOn = nil
	for _, up := range g.Stack.DependsOn {
		if up != s.Name {
			s.DependsOn = append(s.DependsOn, up)
		}
	}
	s.Inputs = finalInputs(g.Stack.Inputs, clean)
	return &s, nil
}
