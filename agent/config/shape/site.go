package shape

import (
	"github.com/hashicorp/hcl/v2"

	"sallyport/agent/config/decode"
)

// GitHub is the shape of a github block.
func GitHub() decode.Shape {
	return decode.Shape{
		Text: "the repository at GitHub, for commit statuses, reviews and pull requests",
		Attributes: []decode.Attribute{
			{Name: "repository", Required: true, Type: decode.String, Example: `"ops/infra"`, Text: "owner/name"},
			{Name: "url", Type: decode.String, Default: `"https://github.com"`, Example: `"https://ghe.example.internal"`, Text: "of the site"},
			{Name: "token", Type: decode.Secret, Example: `credential("github-token")`, Missing: "an app block",
				Text: "that may read contents, and write commit statuses and pull requests"},
			pullRequests(),
			lend(), secrets(),
		},
		Others: map[string]string{"merge_requests": "pull_requests", "project": "repository"},
		Blocks: []hcl.BlockHeaderSchema{{Type: "app"}},
	}
}

// GitHubApp is the shape of an app block.
func GitHubApp() decode.Shape {
	return decode.Shape{Text: "a GitHub App, in the place of a token", Attributes: []decode.Attribute{
		{Name: "id", Required: true, Type: decode.ID, Example: "314159", Text: "of the GitHub App, as its page shows it"},
		{Name: "installation_id", Required: true, Type: decode.ID, Example: "2718281", Text: "of its installation: the number at the end of its address"},
		{Name: "private_key_file", Required: true, Type: decode.File, Example: `"/etc/sallyport/github-app.pem"`, Text: "its key, which only the agent's user may read"},
	}}
}

// GitLab is the shape of a gitlab block.
func GitLab() decode.Shape {
	plans := pullRequests()
	plans.Name = "merge_requests"
	plans.Text = "trusted: the merge requests of the same project by its members who may push are planned"
	return decode.Shape{
		Text: "the repository at GitLab, for commit statuses, approvals and merge requests",
		Attributes: []decode.Attribute{
			{Name: "project", Required: true, Type: decode.String, Example: `"ops/platform/infra"`, Text: "group/project, with every group that it lies in"},
			{Name: "url", Type: decode.String, Default: `"https://gitlab.com"`, Example: `"https://git.example.internal/gitlab"`, Text: "of GitLab, with the path that it is installed below"},
			{Name: "token", Required: true, Type: decode.Secret, Example: `credential("gitlab-token")`,
				Text: "of the project, a group or an account, with the scope api (and read_repository for git) and the role Developer"},
			plans, lend(), secrets(),
		},
		Others: map[string]string{"pull_requests": "merge_requests", "repository": "project"},
	}
}

// Gitea is the shape of a gitea block.
func Gitea() decode.Shape {
	return decode.Shape{
		Text: "the repository at Gitea or Forgejo, for commit statuses, reviews and pull requests",
		Attributes: []decode.Attribute{
			{Name: "repository", Required: true, Type: decode.String, Example: `"ops/infra"`, Text: "owner/name"},
			{Name: "url", Required: true, Type: decode.String, Example: `"https://git.example.internal/gitea"`, Text: "of the site, with the path that it is installed below"},
			{Name: "token", Required: true, Type: decode.Secret, Example: `credential("gitea-token")`,
				Text: "with write:repository, and for pull requests write:issue, read:user and read:organization, of an account that administers the repository"},
			pullRequests(), lend(), secrets(),
		},
		Others: map[string]string{"merge_requests": "pull_requests", "project": "repository"},
	}
}

// Bitbucket is the shape of a bitbucket block.
func Bitbucket() decode.Shape {
	return decode.Shape{
		Text: "the repository at Bitbucket, Cloud or Data Center, for commit statuses alone",
		Attributes: []decode.Attribute{
			{Name: "repository", Required: true, Type: decode.String, Example: `"ops/infra"`, Text: "workspace/name, or PROJECT/name in a Data Center"},
			{Name: "url", Type: decode.String, Default: `"https://bitbucket.org"`, Example: `"https://git.example.internal/bitbucket"`, Text: "of a Data Center, with the path that it is installed below"},
			{Name: "token", Required: true, Type: decode.Secret, Example: `credential("bitbucket-token")`, Text: "an access token of the repository, or somebody's API token"},
			{Name: "username", Type: decode.String, Example: `"ops@example.com"`, Missing: "the token stands alone", Text: "the e-mail address that an API token of the Cloud goes with"},
		},
	}
}

// What the blocks of sites with pull requests have in common.
func pullRequests() decode.Attribute {
	return decode.Attribute{Name: "pull_requests", Type: decode.Choice, Choices: []string{"off", "trusted"}, Default: `"off"`, Example: `"trusted"`,
		Text: "trusted: the pull requests of the same repository by people who may write to it are planned"}
}

func lend() decode.Attribute {
	return decode.Attribute{Name: "lend_to_previews", Type: decode.Boolean, Default: "false", Example: "true", Text: "true: those plans read private modules too"}
}

func secrets() decode.Attribute {
	return decode.Attribute{Name: "secrets_to_previews", Type: decode.Boolean, Default: "false", Example: "true", Text: "true: those plans get the secrets that the stacks' own plans get"}
}
