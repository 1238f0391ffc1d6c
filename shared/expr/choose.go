package expr

import (
	"errors"
	"fmt"
)

// choiceFunctions are those that choose, and those that ask. They evaluate what
// they need and no more: what is not chosen costs nothing and cannot fail.
func choiceFunctions() []Function {
	return []Function{
		{Name: "Coalesce", Params: []Param{{Name: "source", Repeats: true}}, Pages: "app", lazy: coalesce,
			Doc: "The first source that is not null; null if all are. The last one is the default. An empty text is not null."},
		{Name: "IIF", Params: []Param{need("condition"), need("valueIfTrue"), need("valueIfFalse")}, Pages: "app cloudsync", lazy: iif,
			Doc: "One of two values. The condition is a comparison (=, <>, <, <=, >, >=) or a value that is True or False; a comparison with " +
				"null is false, and so is null."},
		{Name: "Switch", Params: []Param{need("source"), may("defaultValue"), need("key"), {Name: "value", Repeats: true}},
			Pages: "app cloudsync", Pairs: true,
			lazy: switchValue, check: checkSwitch,
			Doc: "The value behind the key that the source is, with regard to case; the default where it is none of them, null where that is " +
				"omitted. A source that is null or empty has the key \"\". Of a multi-valued source each value is looked up. " +
				"Where source and keys are all conditions, the value behind the first that is true, which may be the second argument; null where none is."},
		{Name: "IgnoreFlowIfNullOrEmpty", Params: []Param{need("expression")}, Pages: "app", eager: ignoreFlow,
			Doc: "The value; where it is null or empty the attribute is left as it is in the target, instead of being cleared."},
		{Name: "Error", Params: []Param{need("message")}, Pages: "cloudsync", eager: raise,
			Doc: "No value: the object has a problem, of which this is the text."},
		{Name: "SelectUniqueValue", Params: []Param{need("uniqueValueRule"), {Name: "uniqueValueRule", Repeats: true}}, Pages: "app cloudsync",
			lazy: selectUnique, check: checkTop,
			Doc: "The first value that no other object of the target has. It is the outermost function, and for attributes that are written on " +
				"creation only. Where all are taken it is an error."},
		{Name: "CBool", Params: []Param{need("Expression")}, Pages: "app cloudsync", truth: true, eager: cBool,
			Doc: "True for a comparison that is true, a number other than 0 and the text True; False for others, null and the empty text."},
		{Name: "Not", Params: []Param{need("source")}, Pages: "app cloudsync", truth: true, eager: not,
			Doc: "False for True, and True for anything else, null too."},
		{Name: "IsNull", Params: []Param{need("Expression")}, Pages: "app cloudsync", truth: true, eager: ask(Value.IsNull),
			Doc: "True where there is no value."},
		{Name: "IsNullOrEmpty", Params: []Param{need("Expression")}, Pages: "app cloudsync", truth: true, eager: ask(Value.empty),
			Doc: "True where there is no value, or an empty text."},
		{Name: "IsPresent", Params: []Param{need("Expression")}, Pages: "app cloudsync", truth: true, eager: ask(func(v Value) bool { return !v.empty() }),
			Doc: "True where there is a value that is no empty text."},
		{Name: "IsString", Params: []Param{need("Expression")}, Pages: "app cloudsync",
			truth: true, eager: ask(func(v Value) bool { return !v.IsNull() && v.kind != KindTexts }),
			Doc: "True where the value can be one text: it is there, and not multi-valued."},
	}
}

func ask(question func(Value) bool) func(args) (Value, error) {
	return func(a args) (Value, error) { return Bool(question(a.value(0))), nil }
}

func coalesce(a args) (Value, error) {
	for i := range a.call.args {
		v, err := a.eval(i)
		if err != nil || !v.IsNull() {
			return v, err
		}
	}
	return Null, nil
}

func iif(a args) (Value, error) {
	condition, err := a.eval(0)
	if err != nil {
		return Value{}, err
	}
	is, ok := condition.asBool()
	if !ok {
		return Value{}, fmt.Errorf("condition: %s is neither True nor False: compare it, as in [country] = \"USA\"", show(condition))
	}
	if is {
		return a.eval(1)
	}
	return a.eval(2)
}

func checkSwitch(p *parser, c *call) {
	c.conditions = conditional(c)
	if len(c.args)%2 != 0 {
		p.mistake(c.offset, c.fn.Name, "the last key has no value: keys and values come in pairs after the source and the default, which may be omitted, as in Switch([state], , \"NSW\", \"Sydney\")")
	}
}

// conditional is the form in which Connect writes Switch, and which the pages show
// for IsPresent: conditions and values in pairs. An argument is a condition where
// it can be nothing else than True or False.
func conditional(c *call) bool {
	for i := 0; i < len(c.args); i += 2 {
		switch n := c.args[i].(type) {
		case *comparison:
		case *call:
			if !n.fn.truth {
				return false
			}
		case literal:
			if i == 0 || n.value.kind != KindBool {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// firstTrue is the value of the first condition that is true, or null.
func firstTrue(a args) (Value, error) {
	for i := 0; i+1 < len(a.call.args); i += 2 {
		condition, err := a.eval(i)
		if err != nil {
			return Value{}, err
		}
		if is, _ := condition.asBool(); is {
			return a.eval(i + 1)
		}
	}
	return Null, nil
}

func switchValue(a args) (Value, error) {
	if a.call.conditions {
		return firstTrue(a)
	}
	source, err := a.eval(0)
	if err != nil {
		return Value{}, err
	}
	if source.kind != KindTexts {
		return switchOne(a, source)
	}
	var results []string
	for _, s := range source.list() {
		v, err := switchOne(a, Text(s))
		if err != nil {
			return Value{}, err
		}
		results = append(results, v.Values()...)
		if len(results) > MaxValues {
			return Value{}, fmt.Errorf("there would be more than %d values: select fewer", MaxValues)
		}
	}
	return Texts(results...), nil
}

func switchOne(a args, source Value) (Value, error) {
	for i := 2; i+1 < len(a.call.args); i += 2 {
		key, err := a.eval(i)
		if err != nil {
			return Value{}, err
		}
		if err := a.charge(16); err != nil {
			return Value{}, err
		}
		if key.kind != KindTexts && key.plain() == source.plain() {
			return a.eval(i + 1)
		}
	}
	return a.eval(1)
}

func ignoreFlow(a args) (Value, error) {
	if v := a.value(0); !v.empty() {
		return v, nil
	}
	return Value{kind: KindIgnore}, nil
}

func raise(a args) (Value, error) {
	s, err := a.text(0)
	if err == nil {
		err = errors.New(s)
	}
	return Value{}, err
}

func checkTop(p *parser, c *call) {
	if !c.top {
		p.mistake(c.offset, c.fn.Name, "it stands within something else: it has to be the outermost function, put the others into its arguments")
	}
}

func selectUnique(a args) (Value, error) {
	for i := range a.call.args {
		v, err := a.eval(i)
		if err != nil {
			return Value{}, err
		}
		s, err := single(v)
		if err != nil {
			return Value{}, err
		}
		if s != "" && (a.in.Taken == nil || !a.in.Taken(s)) {
			return v, nil
		}
	}
	return Value{}, errors.New("other objects have all of the values, or they are empty: add a rule that gives another one")
}

func cBool(a args) (Value, error) {
	v := a.value(0)
	is, ok := v.asBool()
	if !ok {
		return Value{}, fmt.Errorf("%s is neither True nor False, nor a number: compare it, as in [country] = \"USA\"", show(v))
	}
	return Bool(is), nil
}

func not(a args) (Value, error) {
	is, ok := a.value(0).asBool()
	return Bool(!is || !ok), nil
}
