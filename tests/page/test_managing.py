"""What an operator does in the page: agents, past calls, the review queue; who may see it."""

from __future__ import annotations

import pytest

from tests.fakes.realtime_provider import Provider
from tests.page.conftest import greets
from tests.page.house import PageHouse, Visit, look_in

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def short_call(visit: Visit, speaker: Provider, words: str) -> None:
    """A call in which the agent says these words."""
    await visit.page.get_by_role("button", name="Call Ada").click()
    await greets(speaker, words, 200)
    await visit.see(words)
    await visit.see("Listening")
    await visit.press("Hang up")
    await visit.page.get_by_role("heading", name="Call ended").wait_for()


async def greeting_of(house: PageHouse, slug: str) -> str:
    """The greeting as it is stored."""
    greeting: str = (await house.program.must("agent", "show", slug, "--json")).document["greeting"]
    return greeting


async def test_an_agent_is_changed_and_changed_back(house: PageHouse):
    """Saving makes a revision that says what it changed; an old one can be taken up again."""
    async with house.visit() as visit:
        await visit.go("agents/max")
        before = await visit.page.get_by_label("Greeting").input_value()
        await visit.page.get_by_label("Greeting").fill("Good day.")
        await visit.press("Save")
        await visit.page.get_by_role("heading", name="Agents").wait_for()
        assert await greeting_of(house, "max") == "Good day."
        await visit.go("agents/max")
        await visit.see("Revision 2, the present one")
        await visit.page.get_by_text("greeting").first.wait_for()
        await visit.page.get_by_role("button", name="Take up again revision 1").click()
        assert await visit.page.get_by_label("Greeting").input_value() == before
        await visit.press("Save")
        await visit.page.get_by_role("heading", name="Agents").wait_for()
        assert await greeting_of(house, "max") == before


async def test_an_agent_is_made_and_turned_off(house: PageHouse):
    """What is wrong with it is said by name; once it is there it can be called, unless it takes no calls."""
    async with house.visit() as visit:
        await visit.go("agents/new")
        await visit.page.get_by_label("Short name").fill("Nora!")
        await visit.page.get_by_label("Name", exact=True).fill("Nora")
        await visit.press("Save")
        await visit.page.get_by_role("alert").get_by_text("slug: got 'Nora!'").wait_for()
        assert visit.faults.pop().endswith("400 (Bad Request)")
        await visit.page.get_by_label("Short name").fill("nora")
        await visit.press("Save")
        box = visit.page.get_by_role("checkbox", name="Takes calls as Nora")
        await box.wait_for()
        await visit.go("start")
        await visit.page.get_by_role("radio", name="Nora").wait_for()
        await visit.go("agents")
        await box.uncheck()
        await visit.page.wait_for_load_state("networkidle")
        await visit.go("start")
        await visit.page.get_by_role("radio", name="Ada").wait_for()
        assert await visit.page.get_by_role("radio", name="Nora").count() == 0


async def test_words_with_commas_are_typed_as_they_come(house: PageHouse):
    """A comma stays while the next word is typed; what is stored is the words."""
    async with house.visit() as visit:
        await visit.go("agents/max")
        await visit.page.get_by_text("More", exact=True).click()
        await visit.page.get_by_label("Also called").press_sequentially("Maks, Mex")
        await visit.press("Save")
        await visit.page.get_by_role("heading", name="Agents").wait_for()
    shown = await house.program.must("agent", "show", "max", "--json")
    assert shown.document["aliases"] == ["Maks", "Mex"]


async def test_a_project_is_made_and_changed(house: PageHouse):
    """By keyboard alone; the first relay outside wants a word on what becomes of calls, before it is saved."""
    async with house.visit() as visit:
        page = visit.page
        await visit.go("projects/new")
        await page.get_by_label("Short name").fill("garden")
        await page.get_by_label("Title").fill("The garden")
        await page.get_by_label("Budget").fill("much")
        await page.get_by_label("Budget").press("Enter")
        await page.get_by_role("alert").get_by_text("budget_usd_per_month: got 'much'").wait_for()
        visit.forget_refusals()
        await page.get_by_label("Budget").fill("12.5")
        await page.get_by_label("Budget").press("Enter")
        await visit.see("$12.50 a month")
        await page.get_by_role("link", name="The garden").press("Enter")
        relays, policy = page.get_by_label("Relays"), page.get_by_label("What becomes of a finished call")
        assert (await relays.input_value(), await policy.input_value()) == ("embedded", "public")
        await relays.press("Control+End")
        await relays.press_sequentially("\nwss://relay.invalid")
        await page.get_by_role("status").get_by_text("Threads will leave this machine").wait_for()
        assert await policy.evaluate("select => select.validity.valueMissing")
        await page.get_by_label("Title").press("Enter")  # the browser says what is missing
        assert await page.get_by_role("heading", name="Project The garden").is_visible()
        await policy.select_option("review")
        await page.get_by_label("Title").press("Enter")
        await page.get_by_role("heading", name="Projects").wait_for()
    shown = (await house.program.must("project", "show", "garden", "--json")).document
    assert (shown["relays"], shown["policy"]) == (["embedded", "wss://relay.invalid"], "review")
    assert (shown["title"], shown["budget_usd_per_month"]) == ("The garden", "12.50")


async def test_a_published_call_is_unpublished(house: PageHouse, speaker: Provider):
    """After a question that says what relays may do; then the relay has nothing of it, and the page says so."""
    async with house.visit() as visit:
        await visit.go("start")
        await short_call(visit, speaker, "This was a mistake.")
        await visit.see("Thread: published")
        await visit.press("Unpublish")
        question = visit.page.get_by_role("dialog", name="Unpublish this call?")
        await question.get_by_text("a relay may ignore it").wait_for()
        await visit.page.keyboard.press("Escape")
        await question.wait_for(state="hidden")
        await visit.press("Unpublish")
        await visit.press("Unpublish for good")
        await visit.see("the operator took it back")
        await visit.see("It took the request to delete.")
        assert await visit.page.get_by_role("button", name="Unpublish").count() == 0
        await visit.go("history")
        await visit.page.get_by_role("region", name="Calls").get_by_role("link").first.wait_for()
        newest = visit.page.get_by_role("listitem").first
        assert await newest.get_by_role("button").count() == 0
    shown = (await house.program.must("publication", "show", "last", "--verify", "--json")).document
    assert shown["publication"]["unpublished_at"] and shown["verification"][0]["verified"]


async def test_past_calls_are_searched(house: PageHouse, speaker: Provider):
    """A word that was said finds its call alone; one that was not finds none."""
    async with house.visit() as visit:
        for words in ("A heron stood there.", "Nothing of the kind."):
            await visit.go("start")
            await short_call(visit, speaker, words)
        await visit.go("history")
        calls = visit.page.get_by_role("region", name="Calls").get_by_role("link")
        await calls.nth(1).wait_for()
        await visit.page.get_by_role("searchbox").fill("heron")
        await visit.press("Search")
        await visit.see("1 call")
        await calls.click()
        await visit.see("A heron stood there.")
        await visit.go("history")
        await visit.page.get_by_role("searchbox").fill("albatross")
        await visit.press("Search")
        await visit.see("No call was found.")


async def test_a_call_is_read_changed_and_approved(house: PageHouse, speaker: Provider):
    """The queue leads to the copy that would be published; a changed turn is published as it was changed."""
    async with house.visit() as visit:
        await visit.go("start")
        await visit.page.get_by_label("Project").select_option("careful")
        await visit.see("waits for a review")
        await short_call(visit, speaker, "The number is secret.")
        await visit.page.get_by_role("link", name="Read and decide").click()
        turn = visit.page.get_by_label("Ada")
        await turn.fill("The number was taken out.")
        await turn.blur()
        await visit.see("Turn 1 is changed.")
        await visit.press("Approve and publish")
        await visit.see("Approved; it is on its way.")
        await visit.page.get_by_role("link", name="See the call").click()
        await visit.see("Thread: published")
        await visit.see("The number is secret.")  # what was said stays
        await visit.go("review")
        await visit.see("Nothing waits.")
    shown = (await house.program.must("publication", "show", "last", "--verify", "--json")).document
    assert shown["publication"]["edited"] == 1 and shown["verification"][0]["verified"]


async def test_whoever_is_not_signed_in_sees_the_sign_in_view(house: PageHouse):
    """Through a proxy, which may speak for anybody, nothing is shown but the way in."""
    async with house.browser() as browser:
        context = await browser.new_context(extra_http_headers={"X-Forwarded-For": "192.0.2.1"})
        async with look_in(context, house.address) as visit:
            await visit.go("history")
            await visit.page.get_by_role("heading", name="Sign in").wait_for()
            assert await visit.page.get_by_role("navigation").count() == 0
            assert await visit.page.get_by_label("Token").get_attribute("type") == "password"
            assert len(visit.faults) == 1  # the browser's own note of the refusal
            visit.faults.clear()
