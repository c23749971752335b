package slacktest

import (
	"net/url"
	"strings"
)

func (s api) authorize(method, token string) result {
	switch {
	case token == "":
		return failure("not_authed")
	case strings.HasPrefix(token, "xapp-"):
		return failure("not_allowed_token_type")
	case token != s.token:
		return failure("invalid_auth")
	case s.authCode != "":
		return failure(s.authCode)
	}
	return nil
}

func (s api) dispatch(method string, p url.Values) result {
	switch method {
	case "auth.test":
		return s.authTest()
	case "conversations.info":
		return s.conversationInfo(p)
	case "conversations.list":
		return s.conversationList(p)
	case "conversations.history":
		return s.history(p)
	case "conversations.replies":
		return s.replies(p)
	case "users.info":
		return s.userInfo(p)
	case "users.lookupByEmail":
		return s.userByEmail(p)
	case "usergroups.list":
		return s.groupList()
	case "usergroups.users.list":
		return s.groupUsers(p)
	case "chat.postMessage":
		return s.postMessage(p)
	case "chat.update":
		return s.updateMessage(p)
	case "chat.delete":
		return s.deleteMessage(p)
	case "chat.postEphemeral":
		return s.postEphemeral(p)
	case "reactions.add":
		return s.addReaction(p)
	case "chat.getPermalink":
		return s.permalink(p)
	case "files.getUploadURLExternal":
		return s.uploadURL(p)
	case "files.completeUploadExternal":
		return s.completeUpload(p)
	case "apps.connections.open":
		return s.Live.openConnection()
	case "views.open":
		return s.Live.openView(p)
	case "views.push":
		return s.Live.pushView(p)
	case "views.update":
		return s.Live.updateView(p)
	}
	return failure("unknown_method")
}
