"""Rules on what the caller said: many phrasings, as people say them and as recognition writes them."""

from __future__ import annotations

import pytest

from agentvoice.core.engine import HandoverTarget
from agentvoice.core.spoken_commands import EndCall, HandOver, find_command

ADA = HandoverTarget("ada", "Ada", ("the librarian",))
MAX = HandoverTarget("max", "Max", ("the engineer", "Maxwell"))
DOCTOR = HandoverTarget("doctor-jones", "Doctor Jones")

TO_MAX = [
    "Hand me to max",
    "Please hand me over to Max.",
    "Can you hand me over to macks?",
    "could you transfer me to Max please",
    "Transfer me to Mex.",
    "Okay, now put me through to Max.",
    "Put Max on the line, please.",
    "Put max on.",
    "Let me talk to max.",
    "I'd like to speak to Max now.",
    "I would like to talk with max about the weather.",
    "Can I speak with Max?",
    "May I talk to Maxx?",
    "Give me max.",
    "Get me Max, please",
    "Switch to max.",
    "Ada, switch over to Max.",
    "Thank you Ada, can you connect me with Max?",
    "Thank you. Now please pass me on to max.",
    "I want to be transferred to Max",
    "Could I be put through to max?",
    "Why don't you hand me over to Max?",
    "Can't you transfer me to max?",
    "Not you, hand me to Max.",
    "Don't hand me to Ada, hand me to Max.",
    "Hand me over to the engineer.",
    "Let me speak to your colleague Max.",
    "Could you bring Max in?",
    "Max, please.",
    "Please, max",
    "Over to Max.",
    "Handover to Max.",
    "I said, hand me to Max!",
    "Forward the call to Max.",
    "I'd rather talk to max",
    "Can I have Max?",
    "I want Max.",
    "Patch me through to Maxwell",
    "hand me over to max and goodbye",
    "Please hand this call over to Max.",
    "Let's go over to Max.",
    "Yes please transfer me to max",
    "I think Max should take over, hand me over to him, to Max.",
    "Could you please hand the call to Max?",
    "Would you mind handing me over to Max?",
    "Ada, I need to talk to Max.",
    "Well I'd like to be handed over to Max now.",
    "Hand over to max please.",
    "Can you get Max for me?",
    "Can I talk to Max instead?",
    "Let me speak with Max for a minute.",
    "Great. Then hand me over to Max, please.",
    "Can you pass me to Marks?",
    "Hand me to Macs.",
    "Hand me over to max he knows about engines",
    "I'd love to chat with Max",
    "Okay, let's talk to Max.",
    "Could we have max in the call?",
    "Ask Max to join.",
    "Would you transfer the call to Max?",
    "I wish to speak to Max.",
    "Go to Max.",
    "Please can you hand me over, to Max?",
    "Pass me over to Max and ask him about his bridge.",
    "Handing me to Max would be good.",
]

NOT_A_HANDOVER = [
    "Don't hand me to max.",
    "Do not transfer me to Max.",
    "I never want to talk to Max again.",
    "Please don't put Max on the line.",
    "I don't want to speak to Max.",
    "She said hand me to max yesterday.",
    'The manual says "hand me to Max" somewhere.',
    "He told me to hand it to Max.",
    "Yesterday you handed me to Max.",
    "Who is Max?",
    "What does Max do?",
    "Max is a nice name.",
    "I went to max capacity.",
    "What happens if you transfer me to Max?",
    "How do I switch to Max?",
    "Give me Max's phone number.",
    "I want Max to know that it works.",
    "I talk to Max every day.",
    "They put me through to Max last time.",
    "Hand me to Peter.",
    "Let me talk to a human.",
    "Give me the maximum.",
    "Without switching to Max, what do you think?",
    "Is it easy to switch to max volume settings?",
    "Give me a break.",
    "Can I have it?",
    "If I hand this to Max will it be fine?",
    "My brother Max asked me to hand the keys to him.",
    "I gave it to Max.",
    "Can you give me the max value?",
    "I'd like to talk about Max.",
    "Should I switch to Max?",
    "Can I have maximum volume?",
    "Get me a table for two in max an hour.",
    "I have max two hours.",
    "I have Max two hours.",
    "I need max five minutes.",
    "I want max performance.",
    "I like Max.",
    "I have Max.",
    "My dog's name is Max, please remember.",
    "The switch to max was hard.",
    "Bring it to Max on Monday.",
    "Could you tell me what Max does please",
    "",
]


@pytest.mark.parametrize("text", TO_MAX)
def test_a_wish_for_another_agent_is_a_handover(text: str):
    """Any usual way to ask for Max hands over to Max."""
    assert find_command(text, [MAX, DOCTOR], ADA) == HandOver("max")


@pytest.mark.parametrize("text", NOT_A_HANDOVER)
def test_no_handover_is_heard_where_none_was_ordered(text: str):
    """Negations, quotations, reports and mere mentions of the name order nothing."""
    assert find_command(text, [MAX, DOCTOR], ADA) is None


@pytest.mark.parametrize(
    "heard", ["Ada", "Eda", "Ida", "Adda", "Ayda", "aida", "Aida.", "the librarian", "add a"]
)
def test_a_misheard_name_is_still_the_agent(heard: str):
    """Speech recognition spells names by ear."""
    assert find_command(f"Hand me back to {heard}", [ADA, DOCTOR], MAX) == HandOver("ada")


@pytest.mark.parametrize("heard", ["Doctor Jones", "doctor Johns", "docter jones", "Doctor-Jones"])
def test_names_of_several_words_are_found(heard: str):
    """A name of two words is compared as a whole."""
    assert find_command(f"Please connect me to {heard}.", [MAX, DOCTOR], ADA) == HandOver("doctor-jones")


def test_nobody_is_handed_to_whom_they_speak_with():
    """The current agent's own name is no target, even if another name sounds alike."""
    ida = HandoverTarget("ida", "Ida")
    assert find_command("Let me talk to Ada.", [ida, MAX], ADA) is None


def test_a_name_that_two_agents_could_have_is_left_to_the_model():
    """Of two names that sound the same neither is guessed; the exact one wins."""
    ida, eda = HandoverTarget("ida", "Ida"), HandoverTarget("eda", "Eda")
    assert find_command("hand me to Aida", [ida, eda]) is None
    assert find_command("hand me to Eda", [ida, eda]) == HandOver("eda")


def test_only_targets_are_handed_to():
    """An agent that is no target of this one is not found."""
    assert find_command("Hand me to Max", [DOCTOR], ADA) is None


GOODBYES = [
    "Goodbye.",
    "Good bye!",
    "Bye.",
    "bye bye",
    "Bye-bye!",
    "Okay, bye.",
    "Goodbye Max.",
    "Thank you, goodbye.",
    "Thank you very much. Goodbye!",
    "Thanks for your help, bye.",
    "That's all, thank you. Goodbye.",
    "Thanks that's all for now bye bye",
    "That was really helpful. Bye, Ada.",
    "I have to go now. Bye.",
    "Goodbye and have a nice day.",
    "Goodbye. Have a nice day!",
    "Great, thank you so much, goodbye!",
    "Bye, see you tomorrow.",
    "See you later, bye.",
    "You can hang up now.",
    "Please hang up.",
    "End the call.",
    "Please end this call now.",
    "Can you hang up?",
    "Let's end the call.",
    "Alright then, goodbye for now.",
    "Okay thank you for the explanation goodbye",
    "Thanks Max you have been a great help bye",
    "That's everything I wanted to know. Goodbye Max.",
    "Alright, I gotta go, goodbye.",
    "Thank you, that will be all. Good bye.",
    "Ok, goodbye then.",
    "Cool thanks bye",
    "All right, thank you, Max. Goodbye.",
    "Goodbye, thank you for the call",
    "No, that's it. Thanks. Bye.",
    "I'm done, bye now.",
    "Well, goodbye, and thanks again.",
    "Good night, bye.",
    "Thank you. Good-bye.",
    "Thank you goodbye max",
    "That is all for today, thank you and goodbye.",
]

NOT_A_GOODBYE = [
    "I said goodbye to my cat yesterday.",
    "How do I say goodbye in French?",
    "What does goodbye mean?",
    "Don't hang up.",
    "Please don't end the call.",
    "Never say goodbye.",
    "He said, goodbye.",
    "It was hard to say goodbye.",
    'She shouted "goodbye" and left.',
    "Goodbye?",
    "Goodbye is a sad word.",
    "Bye the way, what time is it?",
    "I will buy it.",
    "Buy two of them.",
    "The Long Goodbye",
    "Why did you hang up?",
    "Before we say goodbye, one more question.",
    "See you.",
    "Thanks.",
    "That's all.",
    "Goodbye Lenin is a film.",
    "When does the call end?",
    "Bye bye Birdie was her favourite musical.",
    "I don't want to say bye.",
    "My wife said bye and left.",
    "I want to say goodbye to smoking",
    "We waved goodbye",
    "My daughter says bye bye",
    "Is it rude to just say bye",
    "Hello goodbye is by the Beatles",
    "I can't say goodbye",
    "Tell him goodbye",
    "Standby",
    "kiss me goodbye",
    "Should I hang up",
    "I don't have to hang up",
    "He hung up.",
    "I'm not going to hang up.",
    "Wait don't say bye yet",
]


@pytest.mark.parametrize("text", GOODBYES)
def test_a_goodbye_ends_the_call(text: str):
    """An utterance that ends with nothing but a goodbye, or asks to hang up, ends the call."""
    assert find_command(text, [MAX], ADA) == EndCall()


@pytest.mark.parametrize("text", NOT_A_GOODBYE)
def test_a_goodbye_in_passing_ends_nothing(text: str):
    """Talk about goodbyes, and half ones, leave the call alone."""
    assert find_command(text, [MAX], ADA) is None


@pytest.mark.parametrize("ending", ["bye", "thanks"])
def test_a_very_long_clause_is_no_goodbye(ending: str):
    """Words without a stop are a story, whatever they end with; they cost no time either."""
    for times in (20, 5_000):
        assert find_command("well all right " * times + ending, [MAX], ADA) is None


def test_a_very_long_clause_is_no_order():
    """A handover is asked for in a few words; what has no stop for a minute costs no time either."""
    story = "transfer me to the " * 10_000
    assert find_command(story + "max", [MAX], ADA) is None
    assert find_command(f"{story}max. Hand me over to Max", [MAX], ADA) == HandOver("max")
    assert find_command("and then we walked on " * 40 + "hand me over to max", [MAX], ADA) == HandOver("max")
