"""Which settings suit what is stored: model parameters by rolling origins, sensitivity by a budget of alarms; a proposal, no change.

`past` draws the series, `parameters` and `judged_days` try one candidate on one day, `journal` remembers what was tried,
`tune` goes through the candidates and compares the choice with the present settings on later time.
"""
