package socket

import (
	"errors"

	"sallyport/agent/control"
)

// named adds to an answer what the people in it are called. What is a sentence already names them itself.
func (s *Server) named(answer any) (any, error) {
	names := s.opts.Names
	var err error
	switch a := answer.(type) {
	case control.Status:
		err = a.Name(names)
		return a, err
	case control.Run:
		err = a.Name(names)
		return a, err
	case control.Around:
		err = a.Name(names)
		return a, err
	case []control.Run:
		for i := range a {
			err = errors.Join(err, a[i].Name(names))
		}
	case control.Why:
		err = a.Name(names)
		return a, err
	case control.DecideResponse:
		a.Message = names.Plain(a.Message)
		err = a.Run.Name(names)
		return a, err
	case control.CancelResponse:
		a.Message = names.Plain(a.Message)
		err = a.Run.Name(names)
		return a, err
	case control.RepairResponse:
		a.Message = names.Plain(a.Message)
		return a, nil
	case control.StartResponse:
		for i := range a.Warnings {
			a.Warnings[i] = names.Plain(a.Warnings[i])
		}
	}
	return answer, err
}
