package expr_test

import (
	"fmt"

	"groupwriteback/shared/expr"
)

func Example() {
	e, err := expr.Parse(`Append(Append(Left(Trim([displayName]),51),"_"),Mid([objectId],25,12))`)
	if err != nil {
		fmt.Println(err) // each mistake with its column
		return
	}
	fmt.Println(e.Attributes())
	group := map[string]expr.Value{
		"displayName": expr.Text("Administrators"),
		"objectId":    expr.Text("3a5c3221-c465-48c0-95b8-e9305786a271"),
	}
	v, err := e.Eval(expr.Input{Attribute: func(name string) expr.Value { return group[name] }})
	fmt.Println(v.Values(), err)
	// Output:
	// [displayName objectId]
	// [Administrators_e9305786a271] <nil>
}
