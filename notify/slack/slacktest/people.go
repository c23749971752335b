package slacktest

import (
	"net/url"
	"slices"
	"strings"
)

// User is an account, as users.info shows it.
type User struct {
	ID          string
	TeamID      string // default the workspace's
	Enterprise  string
	Name        string // default: the id in lower case
	RealName    string
	DisplayName string
	Email       string

	Left []string // channels that they are not in; all are in all others

	Deleted, Bot, WorkflowBot, ConnectorBot bool
	Restricted, UltraRestricted, Stranger   bool
}

// Group is a user group.
type Group struct {
	ID     string
	Handle string // what stands behind the @; default: the id in lower case
	Users  []string
}

// AllScopes are the scopes of the shipped manifest.
func AllScopes() []string {
	return []string{
		"chat:write", "files:write", "channels:history", "channels:read", "groups:history", "groups:read",
		"users:read", "users:read.email", "usergroups:read", "reactions:write",
	}
}

// AddUser adds an account or replaces it.
func (s *Server) AddUser(u User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u.TeamID == "" {
		u.TeamID = s.opts.TeamID
	}
	if u.Name == "" {
		u.Name = strings.ToLower(u.ID)
	}
	s.users[u.ID] = &u
}

// ChangeUser changes an account: deactivates it, makes it a guest, renames it.
func (s *Server) ChangeUser(id string, change func(*User)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.users[id]
	if u == nil {
		panic("slacktest: no user " + id)
	}
	change(u)
}

// SetGroup adds a user group or replaces it.
func (s *Server) SetGroup(g Group) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g.Users = append([]string(nil), g.Users...)
	if g.Handle == "" {
		g.Handle = strings.ToLower(g.ID)
	}
	s.groups[g.ID] = &g
}

// Revoke makes the token invalid with a code: token_revoked, account_inactive, token_expired. An empty code makes it
// valid again.
func (s *Server) Revoke(code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.authCode = code
}

// SetScopes replaces the scopes of the token.
func (s *Server) SetScopes(scopes ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scopes = append([]string(nil), scopes...)
}

// DropScopes takes scopes away from the token.
func (s *Server) DropScopes(scopes ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scopes = slices.DeleteFunc(s.scopes, func(have string) bool { return slices.Contains(scopes, have) })
}

// need refuses a call whose scope the token lacks.
func (s api) need(scope string) result {
	if slices.Contains(s.scopes, scope) {
		return nil
	}
	r := failure("missing_scope")
	r["needed"], r["provided"] = scope, strings.Join(s.scopes, ",")
	return r
}

func (s api) authTest() result {
	return result{
		"url": "https://" + s.opts.Team + ".slack.com/", "team": s.opts.Team, "user": s.opts.BotName,
		"team_id": s.opts.TeamID, "user_id": s.opts.BotUserID, "bot_id": s.opts.BotID, "is_enterprise_install": false,
	}
}

func (s api) userInfo(p url.Values) result {
	if r := s.need("users:read"); r != nil {
		return r
	}
	if p.Get("user") == "" {
		return invalid("missing required field: user")
	}
	u := s.users[p.Get("user")]
	if u == nil {
		return failure("user_not_found")
	}
	return result{"user": s.userJSON(u)}
}

func (s api) userByEmail(p url.Values) result {
	if r := s.need("users:read.email"); r != nil {
		return r
	}
	email := p.Get("email")
	if email == "" {
		return invalid("missing required field: email")
	}
	for _, u := range s.users {
		if strings.EqualFold(u.Email, email) && !u.Deleted {
			return result{"user": s.userJSON(u)}
		}
	}
	return failure("users_not_found")
}

func (s api) userJSON(u *User) map[string]any {
	profile := map[string]any{"real_name": u.RealName, "display_name": u.DisplayName, "team": u.TeamID}
	if slices.Contains(s.scopes, "users:read.email") && u.Email != "" {
		profile["email"] = u.Email
	}
	out := map[string]any{
		"id": u.ID, "team_id": u.TeamID, "name": u.Name, "real_name": u.RealName, "deleted": u.Deleted, "is_bot": u.Bot,
		"is_workflow_bot": u.WorkflowBot, "is_connector_bot": u.ConnectorBot, "is_restricted": u.Restricted,
		"is_ultra_restricted": u.UltraRestricted, "is_app_user": false, "updated": s.opts.Now().Unix(), "profile": profile,
	}
	if u.Stranger {
		out["is_stranger"] = true
	}
	if u.Enterprise != "" {
		out["enterprise_user"] = map[string]any{"id": u.ID, "enterprise_id": u.Enterprise, "teams": []string{u.TeamID}}
	}
	return out
}

func (s api) groupList() result {
	if r := s.need("usergroups:read"); r != nil {
		return r
	}
	list := []map[string]any{}
	for _, g := range s.groups {
		list = append(list, map[string]any{"id": g.ID, "team_id": s.opts.TeamID, "name": g.Handle, "handle": g.Handle, "is_usergroup": true})
	}
	return result{"usergroups": list}
}

func (s api) groupUsers(p url.Values) result {
	if r := s.need("usergroups:read"); r != nil {
		return r
	}
	if p.Get("usergroup") == "" {
		return invalid("missing required field: usergroup")
	}
	g := s.groups[p.Get("usergroup")]
	if g == nil {
		return failure("no_such_subteam")
	}
	return result{"users": append([]string{}, g.Users...)}
}
