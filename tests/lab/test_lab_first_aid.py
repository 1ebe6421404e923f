"""`first-aid.sh` on the lab's Mac, where packets are real: the diagnosis is the live doctor's."""

from __future__ import annotations

from faults.scenes import machine_of
from faults.test_read_back import diagnosis
from first_aid import aid
from lab.world import Lab

from container_net import doctor, from_text
from container_net.settings import Settings


def test_first_aid_tells_what_the_live_doctor_does(lab: Lab) -> None:
    lab.mac.start_container()
    assert lab.fetch().status == "404"
    for play, named in ((lambda: None, []), (lab.mac.reload_main, ["F01"])):
        play()
        answer = aid(lab.mac)
        assert (answer.returncode, answer.stderr) == (0, "")
        told = from_text.judge(answer.stdout)
        found = doctor.examine(machine_of(lab.mac), Settings())
        assert diagnosis(told.answer) == diagnosis(found)
        assert [d.fault.id for d in told.answer.found] == named
    assert lab.fetch().code == 28
