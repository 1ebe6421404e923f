"""Korean for the fault catalogue: `container` in Latin letters is the tool itself."""

from __future__ import annotations

from typing import Dict

TEXTS: Dict[str, str] = {
    "The way to the internet": "인터넷으로 나가는 길",
    "Names (DNS)": "이름 해석(DNS)",
    "Published ports and the Mac itself": "공개 포트와 호스트 Mac",
    "container's own service": "container 서비스 자체",
    "IPv6, proxies, isolation, reboots": "IPv6, 프록시, 격리, 재부팅",
    "The agent's image": "에이전트 이미지",
    "The main pf ruleset was reloaded, and vmnet's NAT is cut off": (
        "메인 pf 규칙 집합이 다시 로드되어 vmnet의 NAT가 끊김"
    ),
    (
        "Something reloaded the main pf ruleset: `pfctl -f`, a firewall tool, or `container "
        "system dns create --localhost`. The reload drops the line that calls "
        "`com.apple.internet-sharing`: vmnet's NAT rules are still there, but nothing calls "
        "them."
    ): (
        "무언가가 메인 pf 규칙 집합을 다시 로드했습니다: `pfctl -f`, 방화벽 도구, 또는 "
        "`container system dns create --localhost`. 다시 로드하면 "
        "`com.apple.internet-sharing`을 호출하는 줄이 사라집니다. vmnet의 NAT 규칙은 그대로 "
        "있지만 아무도 호출하지 않습니다."
    ),
    "container 0.9.0 to 1.2.2 at least; mended on its main branch on 2026-09-10": (
        "container 0.9.0부터 최소 1.2.2까지. 2026-09-10에 main 브랜치에서 고쳐짐"
    ),
    "containers have no internet at all": "컨테이너에서 인터넷이 전혀 안 됨",
    "no network in any container after `container system dns create`": (
        "`container system dns create` 뒤로 모든 컨테이너의 네트워크가 끊김"
    ),
    (
        "When it suits you, stop all containers and restart the service; vmnet then builds its "
        "network and its NAT anew."
    ): (
        "편한 때에 컨테이너를 모두 멈추고 서비스를 다시 시작합니다. 그러면 vmnet이 네트워크와 "
        "NAT를 새로 만듭니다."
    ),
    (
        "Update container to a release made after 2026-09-10: from then on it no longer reloads "
        "the main ruleset. Do not reload it by hand either while containers run."
    ): (
        "container를 2026-09-10 이후에 나온 릴리스로 업데이트합니다. 그때부터는 메인 규칙 "
        "세트를 다시 로드하지 않습니다. 컨테이너가 실행 중일 때는 직접 다시 로드하는 것도 "
        "피합니다."
    ),
    "Your own pf rules vanish when a container starts": (
        "컨테이너가 시작되면 직접 만든 pf 규칙이 사라짐"
    ),
    (
        "When vmnet starts, macOS's InternetSharing replaces the active main ruleset. Rules "
        "that were loaded there from a file are gone from then on; rules in an anchor under "
        "`com.apple/*` stay."
    ): (
        "vmnet이 시작될 때 macOS의 InternetSharing이 활성 메인 규칙 집합을 통째로 바꿉니다. "
        "파일에서 거기에 로드한 규칙은 그때 사라지고, `com.apple/*` 아래 앵커의 규칙은 "
        "남습니다."
    ),
    "macOS 26.4 with container 0.11.0; probably every version": (
        "macOS 26.4와 container 0.11.0에서 확인. 아마 모든 버전"
    ),
    "my pf rules vanish when a container starts": "컨테이너가 시작되면 내 pf 규칙이 사라짐",
    "Murus loses its rules when a container starts": "컨테이너가 시작되면 Murus의 규칙이 없어짐",
    (
        "Let this tool set forwarding and load its own rules under `com.apple/*`; running "
        "containers stay up and the main ruleset is not touched."
    ): (
        "이 도구가 포워딩을 켜고 자체 규칙을 `com.apple/*` 아래에 로드하게 합니다. 실행 중인 "
        "컨테이너는 멈추지 않고 메인 규칙 집합은 건드리지 않습니다."
    ),
    (
        "Keep it so: the boot daemon loads the same rules at every boot, and again when something "
        "removes them."
    ): (
        "이 상태를 유지합니다. 부팅 데몬이 부팅할 때마다, 그리고 규칙이 지워질 때마다 같은 규칙을 "
        "다시 적재합니다."
    ),
    (
        "Keep rules of your own in an anchor under `com.apple/*` too, and load only that "
        "anchor. FILE is the file with your rules."
    ): (
        "직접 만든 규칙도 `com.apple/*` 아래 앵커에 두고 그 앵커만 로드합니다. FILE은 규칙이 든 "
        "파일입니다."
    ),
    "A VPN carries all traffic, and vmnet's NAT does not follow it": (
        "모든 트래픽이 VPN으로 가는데 vmnet의 NAT가 따라가지 않음"
    ),
    (
        "vmnet tied its NAT to the interface that led to the internet when its network was set "
        "up. The default route now goes through a VPN tunnel (utun), for which vmnet has no "
        "rule. Often it does not recover when the VPN is off again."
    ): (
        "vmnet은 네트워크를 만들 때 인터넷으로 이어지던 인터페이스에 NAT를 묶어 둡니다. 지금은 "
        "기본 경로가 VPN 터널(utun)을 지나는데 vmnet에는 그 인터페이스용 규칙이 없습니다. VPN을 "
        "꺼도 회복되지 않는 경우가 많습니다."
    ),
    "macOS 26 and 27 beta; container 0.9 to 1.4.1": (
        "macOS 26과 27 베타. container 0.9부터 1.4.1까지"
    ),
    "no network in containers after turning on a VPN": "VPN을 켠 뒤로 컨테이너에 네트워크가 없음",
    "containers are offline while a Tailscale exit node is in use": (
        "Tailscale 출구 노드(exit node)를 쓰는 동안 컨테이너가 오프라인"
    ),
    (
        "Or connect the VPN first, and then restart the service, so that vmnet builds its NAT "
        "for the tunnel. This stops all containers."
    ): (
        "또는 VPN을 먼저 연결한 다음 서비스를 다시 시작해 vmnet이 그 터널에 NAT를 만들게 "
        "합니다. 컨테이너가 모두 멈춥니다."
    ),
    (
        "Disconnect the VPN, quit its client, and try again. If containers get out at once, the "
        "client's own filter stopped them (F05). If they stay dead, vmnet's NAT is stale (F03)."
    ): (
        "VPN 연결을 끊고 클라이언트까지 종료한 뒤 다시 해 봅니다. 컨테이너가 바로 밖으로 나가면 "
        "클라이언트의 자체 필터가 막은 것입니다(F05). 여전히 안 되면 vmnet의 NAT가 낡은 "
        "것입니다(F03)."
    ),
    (
        "Was a VPN connected when the first container started, or since then? If so, the VPN is "
        "the cause (F03). If the network changed without one (router, Wi-Fi, address), it is "
        "the stale state (F07)."
    ): (
        "첫 컨테이너가 시작될 때나 그 뒤에 VPN이 연결된 적이 있습니까? 있으면 VPN이 "
        "원인입니다(F03). VPN 없이 네트워크가 바뀌었다면(공유기, Wi-Fi, 주소) 낡은 상태가 "
        "원인입니다(F07)."
    ),
    "Hosts behind a split-tunnel VPN are out of reach for containers": (
        "컨테이너에서 분할 터널 VPN 너머의 호스트에 접속할 수 없음"
    ),
    (
        "vmnet makes a NAT rule only for interfaces that have a default route. A split-tunnel "
        "VPN (Tunnelblick, OpenVPN, a company's client) has routes to its own networks only, so "
        "its tunnel gets no rule. It matters only where containers need the hosts behind it."
    ): (
        "vmnet은 기본 경로가 있는 인터페이스에만 NAT 규칙을 만듭니다. 분할 터널 VPN(Tunnelblick, "
        "OpenVPN, 회사 클라이언트)에는 자기 네트워크로 가는 경로만 있어서 그 터널에는 규칙이 생기지 "
        "않습니다. 컨테이너가 그 너머의 호스트를 써야 할 때만 문제가 됩니다."
    ),
    "macOS 26.4.1 with container 0.12.3; reported since macOS 11 for other tools": (
        "macOS 26.4.1과 container 0.12.3에서 확인. 다른 도구에서는 macOS 11부터 보고됨"
    ),
    "containers reach the internet, but no host behind the split-tunnel VPN": (
        "컨테이너가 인터넷에는 나가지만 분할 터널 VPN 너머의 호스트에는 닿지 못함"
    ),
    "cannot reach the company's internal network via VPN from a container": (
        "컨테이너에서 VPN 너머 사내망에 접속할 수 없음"
    ),
    "See which interface leads to such a host. HOST is its name or address.": (
        "그 호스트로 가는 인터페이스를 확인합니다. HOST는 호스트의 이름이나 주소입니다."
    ),
    (
        "Load this tool's rules beside vmnet's; they cover every tunnel, and with it the hosts "
        "behind it."
    ): (
        "이 도구의 규칙을 vmnet의 규칙과 함께 적재합니다. 모든 터널을 포함하므로 그 너머의 호스트에도 "
        "접속할 수 있습니다."
    ),
    "The VPN client's own filter blocks containers": (
        "VPN 클라이언트의 자체 필터가 컨테이너를 막음"
    ),
    (
        "The route and the NAT rule are right, but the VPN client drops packets that are not "
        "the Mac's own: with pf rules of its own (Cisco, Mullvad) or with a network filter "
        "(NordLynx). No setting of macOS can lift that from outside."
    ): (
        "경로와 NAT 규칙은 맞지만 VPN 클라이언트가 Mac 자신의 것이 아닌 패킷을 버립니다. 자체 "
        "pf 규칙(Cisco, Mullvad)이나 네트워크 필터(NordLynx)를 씁니다. macOS 설정으로는 밖에서 "
        "풀 수 없습니다."
    ),
    "macOS 14 to 27": "macOS 14부터 27까지",
    "Mullvad is connected and containers are offline": (
        "Mullvad가 연결되어 있고 컨테이너가 오프라인"
    ),
    "NordVPN is connected and containers are offline": (
        "NordVPN이 연결되어 있고 컨테이너가 오프라인"
    ),
    (
        "No cure on the Mac's side is known. What you can do, in the VPN client: allow local "
        "network access, exclude the container subnet (split tunnelling), or switch the kill "
        "switch off. On a company's Mac, ask the administrator."
    ): (
        "Mac 쪽에는 알려진 해결책이 없습니다. VPN 클라이언트에서 할 수 있는 일: 로컬 네트워크 "
        "접근을 허용하거나, 컨테이너 서브넷을 제외하거나(분할 VPN), 킬 스위치를 끕니다. 회사 "
        "Mac이라면 관리자에게 요청합니다."
    ),
    "See which anchors and rules are loaded, to show the VPN's support.": (
        "VPN 지원팀에 보여 줄 수 있도록, 로드된 앵커와 규칙을 확인합니다."
    ),
    "The Mac sends packets for a container to the wrong interface": (
        "Mac이 컨테이너로 가는 패킷을 엉뚱한 인터페이스로 보냄"
    ),
    (
        "Only a default route bound to the bridge leads to the container subnet. A VPN or "
        "another tool with a default route of its own takes the packets; it stays so after the "
        "VPN is off and after a restart of the service."
    ): (
        "컨테이너 서브넷으로 가는 길은 브리지에 묶인 기본 경로뿐입니다. VPN이나 다른 도구가 "
        "자기 기본 경로로 패킷을 가져가며, VPN을 끄거나 서비스를 다시 시작해도 그대로입니다."
    ),
    "macOS 26 and 27": "macOS 26과 27",
    "the Mac cannot reach a container by its address": "Mac에서 컨테이너 주소로 접속할 수 없음",
    "See where the packets go. CONTAINER_IP is an address from `container ls`.": (
        "패킷이 어디로 가는지 확인합니다. CONTAINER_IP는 `container ls`에 나오는 주소입니다."
    ),
    (
        "If `interface:` does not name the bridge, add the missing route. It is lost when the "
        "bridge is next made anew. SUBNET and BRIDGE are printed by `invoke net.detect`."
    ): (
        "`interface:`에 브리지가 나오지 않으면 빠진 경로를 추가합니다. 브리지가 다시 만들어지면 "
        "사라집니다. SUBNET과 BRIDGE는 `invoke net.detect`에 나옵니다."
    ),
    "vmnet's NAT is stale after a change of network": (
        "네트워크가 바뀐 뒤 vmnet의 NAT가 낡은 상태로 남음"
    ),
    (
        "The router restarted, the address changed or the Wi-Fi was switched, and vmnet's NAT "
        "rule still names an interface or an address of before. The Mac itself is online; "
        "building the container anew does not help."
    ): (
        "공유기가 다시 시작됐거나 주소나 Wi-Fi가 바뀌었는데 vmnet의 NAT 규칙에는 이전 "
        "인터페이스나 주소가 남아 있습니다. Mac 자체는 온라인이고, 컨테이너를 다시 만들어도 "
        "소용없습니다."
    ),
    "macOS 26; container 1.1.0": "macOS 26, container 1.1.0에서 확인",
    "containers went offline after a change of network, and only a reboot helps": (
        "네트워크가 바뀐 뒤 컨테이너가 오프라인이 되고 재부팅해야만 돌아옴"
    ),
    "containers are offline since the router was restarted": (
        "공유기를 다시 시작한 뒤로 컨테이너가 오프라인"
    ),
    "If that does not help either, reboot the Mac: for some users only that did.": (
        "그래도 안 되면 Mac을 재부팅합니다. 재부팅으로만 해결된 사용자도 있습니다."
    ),
    "Two networks share one bridge, and stopping one cuts off the other": (
        "두 네트워크가 브리지 하나를 같이 써서, 한쪽이 멈추면 다른 쪽도 끊김"
    ),
    (
        "container gave two NAT networks the same bridge interface. When the last container of "
        "one stops, the bridge goes away under the other."
    ): (
        "container가 NAT 네트워크 두 개에 같은 브리지 인터페이스를 줬습니다. 한쪽의 마지막 "
        "컨테이너가 멈추면 다른 쪽이 쓰던 브리지도 사라집니다."
    ),
    "container 1.2.x; also macOS 27.0": "container 1.2.x. macOS 27.0에서도 확인",
    "when the second network's container stops, the first network goes offline": (
        "두 번째 네트워크의 컨테이너가 멈추면 첫 번째 네트워크가 오프라인이 됨"
    ),
    "Until this is mended in container, keep one container running in each network.": (
        "container에서 고쳐질 때까지는 네트워크마다 컨테이너 하나를 계속 실행해 둡니다."
    ),
    (
        "Did it begin when the last container of another network stopped (F08), or with a "
        "reboot of the Mac (F37)?"
    ): (
        "다른 네트워크의 마지막 컨테이너가 멈췄을 때부터입니까(F08), Mac을 재부팅한 "
        "뒤부터입니까(F37)?"
    ),
    "Another vmnet program runs beside container, and both lose the network": (
        "vmnet을 쓰는 다른 프로그램과 container가 함께 돌면서 둘 다 네트워크를 잃음"
    ),
    (
        "lume, UTM, QEMU and others use vmnet too. With container 0.9.0 two programs at once on "
        "vmnet lose their network."
    ): (
        "lume, UTM, QEMU 등도 vmnet을 씁니다. container 0.9.0에서는 두 프로그램이 동시에 "
        "vmnet을 쓰면 둘 다 네트워크를 잃습니다."
    ),
    "container 0.9.0": "container 0.9.0에서 확인",
    "with a UTM machine running, both it and the containers lose the network": (
        "UTM 가상 머신을 켜면 가상 머신과 컨테이너의 네트워크가 함께 끊김"
    ),
    "lume machines and containers do not get along": (
        "lume 가상 머신과 컨테이너를 함께 쓸 수 없음"
    ),
    "See which other programs have a virtual network open.": (
        "가상 네트워크를 쓰고 있는 다른 프로그램을 확인합니다."
    ),
    (
        "Run one of them at a time, or use another version of container; 0.8.0 was reported to "
        "be fine."
    ): ("한 번에 하나만 실행하거나 container의 다른 버전을 씁니다. 0.8.0은 괜찮다고 보고됐습니다."),
    "There is no bridge, because no container is running": (
        "실행 중인 컨테이너가 없어서 브리지가 없음"
    ),
    (
        "This is not a fault. vmnet makes the bridge with the first container of a network and "
        "removes it with the last one; its number can be another one each time."
    ): (
        "장애가 아닙니다. vmnet은 네트워크의 첫 컨테이너와 함께 브리지를 만들고 마지막 "
        "컨테이너와 함께 없앱니다. 번호는 매번 다를 수 있습니다."
    ),
    "every version": "모든 버전",
    "See whether a container is running.": "실행 중인 컨테이너가 있는지 확인합니다.",
    (
        "Start a container and look again; this tool finds the bridge by its address, not by "
        "its name. IMAGE is any image with a shell."
    ): (
        "컨테이너를 시작하고 다시 확인합니다. 이 도구는 브리지를 이름이 아니라 주소로 찾습니다. "
        "IMAGE는 셸이 들어 있는 아무 이미지입니다."
    ),
    "IP forwarding is off": "IP 포워딩이 꺼져 있음",
    (
        "net.inet.ip.forwarding is 0, so the Mac drops every packet that is not for itself. "
        "Another tool, or an `undo` of one, set it back while a bridge was up."
    ): (
        "net.inet.ip.forwarding이 0이어서 Mac이 자기에게 온 것이 아닌 패킷을 모두 버립니다. "
        "브리지가 있는 동안 다른 도구나 그 도구의 `undo`가 값을 되돌렸습니다."
    ),
    "Or by hand, as the guide has it; it lasts until the next reboot.": (
        "또는 안내서처럼 직접 설정합니다. 다음 재부팅까지만 유지됩니다."
    ),
    "macOS 15 gives containers no NAT": "macOS 15에서는 컨테이너에 NAT가 없음",
    (
        "On macOS 15 vmnet connects containers to the Mac and does not translate their "
        "addresses towards the internet."
    ): (
        "macOS 15의 vmnet은 컨테이너를 Mac에 연결할 뿐, 인터넷으로 나가는 주소를 변환하지 않습니다."
    ),
    "macOS 15 only": "macOS 15만 해당",
    "on macOS 15 containers reach the gateway and nothing beyond it": (
        "macOS 15에서 컨테이너가 게이트웨이까지만 닿고 그 너머로 나가지 못함"
    ),
    "Or update to macOS 26, where vmnet does the NAT itself.": (
        "또는 vmnet이 직접 NAT를 하는 macOS 26으로 업데이트합니다."
    ),
    "container and vmnet disagree on the subnet": "container와 vmnet의 서브넷이 서로 다름",
    (
        "container gave its containers addresses of one subnet, and vmnet put the bridge into "
        "another. The gateway that containers know is on no interface of the Mac."
    ): (
        "container는 한 서브넷의 주소를 컨테이너에 줬는데 vmnet은 브리지를 다른 서브넷에 "
        "뒀습니다. 컨테이너가 아는 게이트웨이 주소가 Mac의 어느 인터페이스에도 없습니다."
    ),
    "a container cannot reach even its gateway": "컨테이너에서 게이트웨이조차 닿지 않음",
    "Compare the gateway that container names with the addresses of the bridges.": (
        "container가 알려 주는 게이트웨이와 브리지의 주소를 비교합니다."
    ),
    (
        "If it comes back, fix the subnet: `subnet` under `[network]` in "
        "~/.config/container/config.toml, or on releases before 1.0 this command."
    ): (
        "또 생기면 서브넷을 고정합니다. ~/.config/container/config.toml의 `[network]`에 "
        "`subnet`을 적거나, 1.0 이전 릴리스에서는 이 명령을 씁니다."
    ),
    "The NAT rule names an interface that is no longer the uplink": (
        "NAT 규칙의 인터페이스가 더는 업링크가 아님"
    ),
    (
        "The NAT rule has an interface written into it, often en0, and the Mac now reaches the "
        "internet through another one."
    ): (
        "NAT 규칙에 인터페이스 이름(대개 en0)이 고정되어 있는데, Mac은 지금 다른 인터페이스로 "
        "인터넷에 나갑니다."
    ),
    "works on Wi-Fi, dead on the dock or Ethernet": (
        "Wi-Fi에서는 되는데 독이나 이더넷에서는 안 됨"
    ),
    "no network in containers since I moved to a hotspot": (
        "핫스팟으로 옮긴 뒤로 컨테이너에 네트워크가 없음"
    ),
    "vmnet moved to another subnet, and the NAT rule has the old one": (
        "vmnet이 다른 서브넷으로 옮겼는데 NAT 규칙은 이전 서브넷 그대로임"
    ),
    (
        "When the old subnet is still held, vmnet takes the next one: 192.168.65.0/24, "
        "192.168.66.0/24 and so on. A rule for the old subnet then fits no container."
    ): (
        "이전 서브넷이 아직 쓰이고 있으면 vmnet은 다음 서브넷(192.168.65.0/24, 192.168.66.0/24 "
        "등)을 고릅니다. 그러면 이전 서브넷용 규칙은 어느 컨테이너에도 맞지 않습니다."
    ),
    "container 0.6 to 1.x": "container 0.6부터 1.x까지",
    "it worked yesterday and is dead today": "어제는 됐는데 오늘은 안 됨",
    "after a restart of the service containers are in a new default network": (
        "서비스를 다시 시작한 뒤 컨테이너가 새 기본 네트워크에 있음"
    ),
    (
        "You can ask for a fixed subnet with `subnet` under `[network]` in "
        "~/.config/container/config.toml; vmnet does not promise to keep it."
    ): (
        "~/.config/container/config.toml의 `[network]`에 `subnet`을 적어 서브넷을 고정해 달라고 "
        "할 수 있습니다. 다만 vmnet이 반드시 지키지는 않습니다."
    ),
    "iCloud Private Relay is off because of pf rules": (
        "pf 규칙 때문에 iCloud 비공개 릴레이가 꺼짐"
    ),
    (
        "While pf is on, macOS switches Private Relay off as soon as any anchor that is not its "
        "own holds rules: lines of your own in /etc/pf.conf, a localhost domain of container, "
        "or this tool's anchor."
    ): (
        "pf가 켜져 있는 동안 macOS 것이 아닌 앵커에 규칙이 하나라도 있으면 macOS가 비공개 "
        "릴레이(Private Relay)를 끕니다. /etc/pf.conf에 직접 적은 줄, container의 localhost "
        "도메인, 이 도구의 앵커가 여기에 해당합니다."
    ),
    "macOS 15 to 26": "macOS 15부터 26까지",
    "Private Relay switched itself off": "비공개 릴레이가 저절로 꺼짐",
    (
        "If containers get out without this tool (`invoke net.status` says whether vmnet covers "
        "them), take its rules back."
    ): (
        "이 도구 없이도 컨테이너가 인터넷에 나가면(`invoke net.status`가 vmnet이 맡고 있는지 "
        "알려 줍니다) 이 도구의 규칙을 거둡니다."
    ),
    "If you do not need a localhost domain of container, remove it. DOMAIN is its name.": (
        "container의 localhost 도메인이 필요 없으면 지웁니다. DOMAIN은 그 이름입니다."
    ),
    "Take rules of your own out of /etc/pf.conf; they go from memory at a reboot.": (
        "/etc/pf.conf에서 직접 적은 규칙을 뺍니다. 메모리에 있는 규칙은 재부팅하면 사라집니다."
    ),
    "Ping works, but every TCP connection times out": "ping은 되는데 모든 TCP 연결이 시간 초과됨",
    (
        "Not known for certain. Losing TCP alone, even towards the gateway, points to a content "
        "filter or a firewall on the Mac."
    ): (
        "확실한 원인은 알려지지 않았습니다. 게이트웨이로 가는 것까지 TCP만 안 된다면 Mac의 "
        "콘텐츠 필터나 방화벽이 의심됩니다."
    ),
    "macOS 26.4 with container 0.11.0": "macOS 26.4와 container 0.11.0에서 확인",
    "ping works, but TCP times out, even to the gateway": (
        "ping은 되는데 TCP는 게이트웨이까지도 시간 초과"
    ),
    "TCP connections fail silently while ICMP works": "ICMP는 되는데 TCP 연결만 조용히 실패함",
    "List the network filters that are active.": "켜져 있는 네트워크 필터를 확인합니다.",
    (
        "Switch them off one by one in System Settings > General > Login Items & Extensions, "
        "and try a container after each."
    ): (
        "시스템 설정 > 일반 > 로그인 항목 및 확장 프로그램에서 하나씩 끄고, 그때마다 "
        "컨테이너에서 다시 해 봅니다."
    ),
    (
        "Switch the content filters off one by one. If TCP comes back, that filter was the "
        "cause (F19). If it stays dead with all of them off, the cause is not known (F17)."
    ): (
        "콘텐츠 필터를 하나씩 꺼 봅니다. TCP가 돌아오면 그 필터가 원인입니다(F19). 모두 "
        "껐는데도 안 되면 원인은 알려지지 않은 것입니다(F17)."
    ),
    "The macOS firewall blocks all incoming connections": (
        "macOS 방화벽이 들어오는 연결을 모두 차단함"
    ),
    (
        "The Application Firewall is set to `Block all incoming connections`, which refuses the "
        "containers' DHCP, DNS and ports as well. In stealth mode a failed ping says nothing."
    ): (
        "응용 프로그램 방화벽이 `들어오는 모든 연결 차단`으로 되어 있어 컨테이너의 DHCP, DNS, "
        "포트도 거부합니다. 스텔스 모드에서는 ping이 실패해도 아무 의미가 없습니다."
    ),
    "the firewall is set to block all incoming connections": (
        "방화벽이 들어오는 연결을 모두 차단하도록 설정됨"
    ),
    "the firewall is in stealth mode": "방화벽이 스텔스 모드임",
    "Look at the three settings.": "세 가지 설정을 확인합니다.",
    (
        "Switch `Block all incoming connections` off in System Settings > Network > Firewall > "
        "Options. On a managed Mac the administrator has to do it; the command line refuses "
        "there, with exit status 0."
    ): (
        "시스템 설정 > 네트워크 > 방화벽 > 옵션에서 `들어오는 모든 연결 차단`을 끕니다. "
        "관리되는 Mac에서는 관리자가 해야 하며, 명령은 종료 코드 0으로 끝나면서도 거부합니다."
    ),
    "A content filter blocks containers": "콘텐츠 필터가 컨테이너를 막음",
    (
        "A network filter (Little Snitch, LuLu, ESET, Symantec, Zscaler) drops the containers' "
        "packets or the answers of the Mac's resolver; two filters at once also disturb each "
        "other."
    ): (
        "네트워크 필터(Little Snitch, LuLu, ESET, Symantec, Zscaler)가 컨테이너의 패킷이나 Mac "
        "리졸버의 응답을 버립니다. 필터 두 개가 서로 방해하기도 합니다."
    ),
    "Little Snitch is installed": "Little Snitch가 설치되어 있음",
    "LuLu is installed": "LuLu가 설치되어 있음",
    "ESET is installed": "ESET이 설치되어 있음",
    (
        "Allow `InternetSharing`, `mDNSResponder` and the programs whose names begin with "
        "`container-` in the filter, or switch it off to try."
    ): (
        "필터에서 `InternetSharing`, `mDNSResponder`, 그리고 이름이 `container-`로 시작하는 "
        "프로그램을 허용하거나, 시험 삼아 필터를 끕니다."
    ),
    "The container network overlaps the local network": (
        "컨테이너 네트워크가 로컬 네트워크와 겹침"
    ),
    (
        "The subnet of a container network, or an entry of vmnet's isolation table, overlaps "
        "the network that the Mac itself is in; or a bridge has taken the route of that "
        "network."
    ): (
        "컨테이너 네트워크의 서브넷이나 vmnet 격리 테이블의 항목이 Mac이 속한 네트워크와 "
        "겹치거나, 브리지가 그 네트워크의 경로를 차지했습니다."
    ),
    "the Mac loses its LAN while containers run": "컨테이너가 실행되는 동안 Mac의 LAN이 끊김",
    "containers reach the internet, but not the LAN": (
        "컨테이너가 인터넷에는 나가지만 LAN에는 닿지 못함"
    ),
    "Compare the isolation table with the Mac's own addresses and routes.": (
        "격리 테이블을 Mac의 주소와 경로에 비교합니다."
    ),
    (
        "Choose another container subnet: `subnet` under `[network]` in "
        "~/.config/container/config.toml, for example 192.168.210.0/24."
    ): (
        "다른 컨테이너 서브넷을 고릅니다. ~/.config/container/config.toml의 `[network]`에 "
        "`subnet`을 적습니다(예: 192.168.210.0/24)."
    ),
    "/etc/pf.conf loads an anchor file that is not there": (
        "/etc/pf.conf가 로드하는 앵커 파일이 없음"
    ),
    (
        "/etc/pf.conf has a line `load anchor ... from FILE`, and FILE is gone. pf then loads "
        "nothing of it: the Mac has no pf ruleset after a boot, and `container system dns "
        "create` fails."
    ): (
        "/etc/pf.conf에 `load anchor ... from FILE` 줄이 있는데 FILE이 없습니다. 그러면 pf는 이 "
        "파일을 전혀 로드하지 않습니다. 부팅 후 pf 규칙 집합이 비어 있고 `container system dns "
        "create`도 실패합니다."
    ),
    "See which line it is; this only reads.": "어느 줄인지 확인합니다. 읽기만 합니다.",
    (
        "If the line is this tool's, this puts its file back; if you do not need the tool any "
        "more, `invoke net.teardown` takes line and file away."
    ): (
        "이 도구의 줄이면 이 명령이 파일을 다시 만듭니다. 도구가 더 필요 없으면 `invoke "
        "net.teardown`으로 줄과 파일을 함께 거둡니다."
    ),
    (
        "If it is another program's, put the file back (an empty one is enough), or take the "
        "line out. FILE is the path in that line."
    ): (
        "다른 프로그램의 줄이면 파일을 다시 두거나(빈 파일이면 됩니다) 그 줄을 뺍니다. FILE은 "
        "그 줄에 적힌 경로입니다."
    ),
    "The Mac's VPN disconnects when a container starts": (
        "컨테이너가 시작되면 Mac의 VPN 연결이 끊김"
    ),
    (
        "The bridge that a container brings is a change of network in the eyes of the VPN "
        "client (Cisco AnyConnect), and it drops its connection."
    ): (
        "컨테이너와 함께 생기는 브리지를 VPN 클라이언트(Cisco AnyConnect)가 네트워크 변경으로 "
        "보고 연결을 끊습니다."
    ),
    "macOS 26.0; container 0.1 to 0.5": "macOS 26.0. container 0.1부터 0.5까지",
    "the VPN disconnects when a container starts": "컨테이너가 시작되면 VPN이 끊김",
    "AnyConnect reconnects every time a container starts": (
        "컨테이너가 시작될 때마다 AnyConnect가 다시 연결됨"
    ),
    (
        "No cure on the Mac's side is known. What you can do: keep one container running, so "
        "that the bridge stays; or ask the VPN's administrator to change the settings for "
        "trusted networks or split tunnelling."
    ): (
        "Mac 쪽에는 알려진 해결책이 없습니다. 할 수 있는 일: 컨테이너 하나를 계속 실행해 "
        "브리지가 사라지지 않게 합니다. 또는 VPN 관리자에게 신뢰하는 네트워크나 분할 VPN "
        "설정을 바꿔 달라고 요청합니다."
    ),
    (
        "Read the VPN client's own log: a disconnect because of a network change is F20. If the "
        "Wi-Fi itself went away and came back, it is F21b."
    ): (
        "VPN 클라이언트의 로그를 봅니다. 네트워크 변경 때문에 끊겼으면 F20입니다. Wi-Fi 자체가 "
        "끊겼다가 돌아왔으면 F21b입니다."
    ),
    "Wi-Fi drops when bridges come and go": "브리지가 생기고 사라질 때 Wi-Fi가 끊김",
    (
        "macOS configures its network anew when a bridge comes or goes, and the Wi-Fi goes away "
        "for a moment. Seen with OrbStack; not yet seen with container."
    ): (
        "브리지가 생기거나 사라질 때 macOS가 네트워크를 다시 구성하면서 Wi-Fi가 잠시 끊깁니다. "
        "OrbStack에서 보고됐고 container에서는 아직 보고되지 않았습니다."
    ),
    "macOS 26.5": "macOS 26.5에서 확인",
    "Wi-Fi drops for a moment when containers start or stop": (
        "컨테이너를 시작하거나 멈출 때 Wi-Fi가 잠깐 끊김"
    ),
    (
        "No cure is known. What you can do: keep one container running, so that bridges come "
        "and go less often, or use Ethernet."
    ): (
        "알려진 해결책이 없습니다. 할 수 있는 일: 컨테이너 하나를 계속 실행해 브리지가 덜 "
        "바뀌게 하거나 이더넷을 씁니다."
    ),
    "A local resolver holds port 53, and containers get no DNS": (
        "로컬 리졸버가 53번 포트를 차지해 컨테이너에 DNS가 없음"
    ),
    (
        "Containers ask the gateway's port 53, which the Mac's mDNSResponder answers. A program "
        "that holds port 53 at one IPv4 address (dnsmasq, dnscrypt-proxy, cloudflared or WARP, "
        "Zscaler, AdGuard, Umbrella, unbound) keeps mDNSResponder from listening on IPv4."
    ): (
        "컨테이너는 게이트웨이의 53번 포트에 물어보고, 응답은 Mac의 mDNSResponder가 합니다. "
        "특정 IPv4 주소의 53번 포트를 차지한 프로그램(dnsmasq, dnscrypt-proxy, cloudflared나 "
        "WARP, Zscaler, AdGuard, Umbrella, unbound)이 있으면 mDNSResponder가 IPv4에서 열리지 "
        "못합니다."
    ),
    "dnsmasq runs on the Mac and containers have no DNS": (
        "Mac에서 dnsmasq가 돌고 컨테이너에 DNS가 없음"
    ),
    "dnscrypt-proxy runs on the Mac and containers have no DNS": (
        "Mac에서 dnscrypt-proxy가 돌고 컨테이너에 DNS가 없음"
    ),
    (
        "See who holds port 53. Healthy is mDNSResponder on `*:53` for IPv4 and IPv6, and "
        "nobody else."
    ): (
        "53번 포트를 누가 쓰는지 확인합니다. mDNSResponder만 `*:53`에 IPv4와 IPv6로 있으면 "
        "정상입니다."
    ),
    (
        "Stop the other program, move it to another port or let it listen on `*:53`, and "
        "restart the service. This stops all containers."
    ): (
        "그 프로그램을 끄거나, 다른 포트로 옮기거나, `*:53`에서 열리게 한 뒤 서비스를 다시 "
        "시작합니다. 컨테이너가 모두 멈춥니다."
    ),
    "Or go past the gateway's resolver, for each container. IMAGE is your image.": (
        "또는 컨테이너마다 게이트웨이의 리졸버를 거치지 않게 합니다. IMAGE는 사용하는 이미지입니다."
    ),
    "The gateway's resolver does not answer": "게이트웨이의 리졸버가 응답하지 않음",
    (
        "Addresses are reached and names are not, and nobody else holds port 53: the resolver "
        "at the gateway is not up, or the DNS of a VPN does not answer containers."
    ): (
        "주소로는 접속되는데 이름으로는 안 되고, 53번 포트를 차지한 프로그램도 없습니다. "
        "게이트웨이의 리졸버가 떠 있지 않거나 VPN의 DNS가 컨테이너에 응답하지 않습니다."
    ),
    "container 0.3 to 1.x": "container 0.3부터 1.x까지",
    (
        "Give the container a resolver of its own; config.toml has no key for it. IMAGE is your "
        "image; with a VPN, give the VPN's resolver instead of 1.1.1.1."
    ): (
        "컨테이너에 리졸버를 따로 지정합니다. config.toml에는 이 설정이 없습니다. IMAGE는 "
        "사용하는 이미지이며, VPN을 쓴다면 1.1.1.1 대신 VPN의 리졸버를 적습니다."
    ),
    "For builds the builder needs it; it is deleted and made anew.": (
        "빌드할 때는 빌더에 지정합니다. 빌더를 지우고 새로 만듭니다."
    ),
    "The builder keeps the resolver of an old subnet": "빌더에 이전 서브넷의 리졸버가 남아 있음",
    (
        "The builder container wrote the gateway's address into its settings when it was made. "
        "vmnet has since moved to another subnet, and the old address answers no more."
    ): (
        "빌더 컨테이너는 만들어질 때 게이트웨이 주소를 설정에 적어 둡니다. 그 뒤 vmnet이 다른 "
        "서브넷으로 옮겨서 이전 주소는 응답하지 않습니다."
    ),
    "container before 0.11.0": "container 0.11.0 이전",
    "`container build` fails with DNS errors while `container run` works": (
        "`container build`만 DNS 오류로 실패하고 `container run`은 됨"
    ),
    "Compare the builder's resolver with today's gateway.": (
        "빌더의 리졸버를 지금의 게이트웨이와 비교합니다."
    ),
    "Delete the builder and let it be made anew; this empties the build cache.": (
        "빌더를 지우고 새로 만듭니다. 빌드 캐시가 비워집니다."
    ),
    "container 0.11.0 and later do this by themselves: update if yours is older.": (
        "container 0.11.0부터는 저절로 처리됩니다. 더 오래된 버전이면 업데이트합니다."
    ),
    "An image has the address of an old resolver written into it": (
        "이미지에 이전 리졸버 주소가 박혀 있음"
    ),
    (
        "An image or a tool wrote the Mac's resolver into the container. After a change of "
        "network that address does not answer any more."
    ): (
        "이미지나 도구가 Mac의 리졸버 주소를 컨테이너에 적어 뒀습니다. 네트워크가 바뀌면 그 "
        "주소는 응답하지 않습니다."
    ),
    "independent of the version": "버전과 관계없음",
    "names time out in one image only, since the network changed": (
        "네트워크가 바뀐 뒤 한 이미지에서만 이름 해석이 시간 초과됨"
    ),
    "resolv.conf in the container names an old address": (
        "컨테이너의 resolv.conf에 이전 주소가 있음"
    ),
    "Compare the resolver in the container with the gateway. NAME is the container.": (
        "컨테이너의 리졸버를 게이트웨이와 비교합니다. NAME은 컨테이너 이름입니다."
    ),
    "Take the address out of the image; container puts the gateway in by itself.": (
        "이미지에서 그 주소를 뺍니다. 게이트웨이 주소는 container가 알아서 넣습니다."
    ),
    "Container names resolve on the Mac only now and then": (
        "Mac에서 컨테이너 이름이 될 때도 있고 안 될 때도 있음"
    ),
    (
        "The Mac asks container's own resolver (127.0.0.1, port 2053) for names of the "
        "container domain, and that answers at times only."
    ): (
        "Mac은 컨테이너 도메인의 이름을 container의 리졸버(127.0.0.1, 2053번 포트)에 "
        "물어보는데, 이 리졸버가 가끔만 응답합니다."
    ),
    "container 1.0": "container 1.0에서 확인",
    "See whether the resolver is registered, and whether somebody listens.": (
        "리졸버가 등록되어 있는지, 그 포트를 누가 쓰는지 확인합니다."
    ),
    "Let macOS read its resolvers anew; this helps in part of the cases.": (
        "macOS가 리졸버 설정을 다시 읽게 합니다. 일부 경우에만 효과가 있습니다."
    ),
    "Use the container's address until it is mended.": (
        "고쳐질 때까지는 컨테이너의 주소를 씁니다."
    ),
    "Short names of Tailscale do not resolve in containers": (
        "컨테이너에서 Tailscale의 짧은 이름이 풀리지 않음"
    ),
    (
        "A container does not take over the Mac's list of search domains in its order, so a "
        "short name is completed wrongly or not at all."
    ): (
        "컨테이너는 Mac의 검색 도메인 목록을 순서대로 물려받지 않습니다. 그래서 짧은 이름이 "
        "잘못 완성되거나 아예 완성되지 않습니다."
    ),
    "container 0.6": "container 0.6에서 확인",
    "Tailscale short names fail, full names work": (
        "Tailscale의 짧은 이름은 안 되고 전체 이름은 됨"
    ),
    "MagicDNS names fail in containers": "컨테이너에서 MagicDNS 이름이 안 됨",
    "Use the full name, such as `host.tailnet-name.ts.net`.": (
        "`host.tailnet-name.ts.net`처럼 전체 이름을 씁니다."
    ),
    "Or give the search domain. DOMAIN is yours, IMAGE is your image.": (
        "또는 검색 도메인을 지정합니다. DOMAIN은 사용하는 도메인, IMAGE는 사용하는 이미지입니다."
    ),
    "macOS denies container the local network, so published ports reset": (
        "macOS가 container의 로컬 네트워크 접근을 막아 공개 포트의 연결이 끊김"
    ),
    (
        "`container-runtime-linux`, which forwards published ports, has no permission for the "
        "local network (Privacy & Security). The container's own address works; 127.0.0.1 with "
        "the published port does not. NAT has no part in it."
    ): (
        "공개 포트를 전달하는 `container-runtime-linux`에 로컬 네트워크 권한(개인정보 보호 및 "
        "보안)이 없습니다. 컨테이너 주소로는 접속되고 127.0.0.1의 공개 포트로는 안 됩니다. "
        "NAT와는 관계가 없습니다."
    ),
    "macOS 26.1 to 26.6.2": "macOS 26.1부터 26.6.2까지",
    ("Compare the published port with the container's address. PORT and CONTAINER_IP are yours."): (
        "공개 포트와 컨테이너 주소를 비교합니다. PORT와 CONTAINER_IP는 사용하는 값으로 바꿉니다."
    ),
    (
        "Switch `container-runtime-linux` on in System Settings > Privacy & Security > Local "
        "Network; only a person can do that."
    ): (
        "시스템 설정 > 개인정보 보호 및 보안 > 로컬 네트워크에서 `container-runtime-linux`를 "
        "켭니다. 사람만 할 수 있습니다."
    ),
    "Then restart the service. This stops all containers.": (
        "그런 다음 서비스를 다시 시작합니다. 컨테이너가 모두 멈춥니다."
    ),
    (
        "Open System Settings > Privacy & Security > Local Network. If "
        "`container-runtime-linux` is in the list, switch it on: F27. If it is not there on "
        "macOS 27 and no question ever came: F28."
    ): (
        "시스템 설정 > 개인정보 보호 및 보안 > 로컬 네트워크를 엽니다. 목록에 "
        "`container-runtime-linux`가 있으면 켭니다: F27. macOS 27에서 목록에 없고 묻는 창도 뜬 "
        "적이 없으면 F28입니다."
    ),
    "macOS 27 beta never asks for the local network permission": (
        "macOS 27 베타가 로컬 네트워크 권한을 묻지 않음"
    ),
    (
        "A regression of the macOS 27 beta: the question for the local network never comes, and "
        "`container-runtime-linux` is not in the list, so there is nothing to switch on."
    ): (
        "macOS 27 베타의 회귀 버그입니다. 로컬 네트워크 권한을 묻는 창이 뜨지 않고 목록에 "
        "`container-runtime-linux`도 없어 켤 수가 없습니다."
    ),
    "macOS 27.0 beta": "macOS 27.0 베타",
    "published ports reset on macOS 27, and there is nothing to allow": (
        "macOS 27에서 공개 포트의 연결이 끊기는데 허용할 항목이 없음"
    ),
    (
        "Allow the container subnet by hand, on Ethernet. SUBNET is printed by `invoke net.detect`."
    ): ("이더넷에서 컨테이너 서브넷을 직접 허용합니다. SUBNET은 `invoke net.detect`에 나옵니다."),
    "And on Wi-Fi.": "Wi-Fi에서도 허용합니다.",
    "Reboot the Mac; without a reboot it has no effect.": (
        "Mac을 재부팅합니다. 재부팅하지 않으면 효과가 없습니다."
    ),
    "The local network permission is lost with a Homebrew install": (
        "Homebrew로 설치하면 로컬 네트워크 권한이 유지되지 않음"
    ),
    (
        "macOS ties the permission to the path of the program. Homebrew puts each version into "
        "a folder of its own, so the permission does not hold."
    ): (
        "macOS는 권한을 프로그램의 경로에 묶어 둡니다. Homebrew는 버전마다 다른 폴더에 "
        "설치하므로 권한이 이어지지 않습니다."
    ),
    "macOS 27 beta; container 1.2.0": "macOS 27 베타. container 1.2.0에서 확인",
    "with the Homebrew build published ports reset, with the installer they work": (
        "Homebrew 빌드에서는 공개 포트의 연결이 끊기고 설치 패키지에서는 됨"
    ),
    "See where container is installed; `installRoot` says it.": (
        "container가 설치된 곳을 확인합니다. `installRoot`에 나옵니다."
    ),
    (
        "If it is not /usr/local/, install the signed package from container's release page and "
        "allow `container-runtime-linux` once more."
    ): (
        "/usr/local/이 아니면 container 릴리스 페이지의 서명된 패키지를 설치하고 "
        "`container-runtime-linux`를 다시 허용합니다."
    ),
    "A service on the Mac cannot bind the gateway's address": (
        "Mac의 서비스가 게이트웨이 주소에 바인드하지 못함"
    ),
    (
        "The gateway's address exists only while a container runs: before the first container "
        "there is no bridge to bind to."
    ): (
        "게이트웨이 주소는 컨테이너가 실행되는 동안에만 있습니다. 첫 컨테이너가 뜨기 전에는 "
        "바인드할 브리지가 없습니다."
    ),
    "Start a container first and keep it running. IMAGE is any image with a shell.": (
        "컨테이너를 먼저 시작해 계속 실행해 둡니다. IMAGE는 셸이 들어 있는 아무 이미지입니다."
    ),
    (
        "Or let the service listen on 0.0.0.0 and keep strangers out with a password or the "
        "firewall: it is then open to the local network too."
    ): (
        "또는 서비스를 0.0.0.0에서 열고, 암호나 방화벽으로 외부를 막습니다. 로컬 네트워크에도 "
        "열리기 때문입니다."
    ),
    "Containers do not know host.docker.internal": "컨테이너가 host.docker.internal을 모름",
    "container has neither this name nor the option `--add-host`; both belong to Docker.": (
        "container에는 이 이름도 `--add-host` 옵션도 없습니다. 둘 다 Docker의 기능입니다."
    ),
    (
        "Use the gateway's address for the Mac; `invoke net.detect` prints it, usually "
        "192.168.64.1. The service on the Mac has to listen there or on 0.0.0.0."
    ): (
        "Mac의 주소로 게이트웨이 주소를 씁니다. `invoke net.detect`에 나오며 대개 "
        "192.168.64.1입니다. Mac의 서비스는 그 주소나 0.0.0.0에서 열려 있어야 합니다."
    ),
    (
        "Or make a name for it. With releases before the one of 2026-09-10 this reloads the "
        "main pf ruleset and cuts off running containers: run `invoke net.setup` after it."
    ): (
        "또는 이름을 만듭니다. 2026-09-10 이전 릴리스에서는 이때 메인 pf 규칙 집합이 다시 "
        "로드되어 실행 중인 컨테이너가 끊깁니다. 이어서 `invoke net.setup`을 실행합니다."
    ),
    "The localhost domain works no more after a reboot": (
        "재부팅한 뒤 localhost 도메인이 동작하지 않음"
    ),
    (
        "`container system dns create --localhost` leaves a redirect in pf, and nothing loads "
        "it again after a reboot (documented by container)."
    ): (
        "`container system dns create --localhost`는 pf에 리디렉션을 남기는데, 재부팅한 뒤 이를 "
        "다시 로드하는 것이 없습니다(container 문서에 있음)."
    ),
    "container 0.9 to 1.2.2": "container 0.9부터 1.2.2까지",
    "host.container.internal is dead since the reboot": (
        "재부팅한 뒤로 host.container.internal이 안 됨"
    ),
    "See whether the redirect is loaded; an empty answer means it is not.": (
        "리디렉션이 로드되어 있는지 확인합니다. 출력이 비어 있으면 로드되지 않은 것입니다."
    ),
    (
        'Load that anchor only. It needs the line `rdr-anchor "com.apple.container"` in the '
        "active ruleset."
    ): (
        '그 앵커만 로드합니다. 활성 규칙 집합에 `rdr-anchor "com.apple.container"` 줄이 있어야 '
        "합니다."
    ),
    "container's service is not running": "container 서비스가 실행 중이 아님",
    "The service of container has not been started since the Mac booted, or it ended.": (
        "Mac이 부팅된 뒤 container 서비스를 시작하지 않았거나 서비스가 종료됐습니다."
    ),
    "Start it.": "서비스를 시작합니다.",
    "vmnet refuses to make a network": "vmnet이 네트워크를 만들지 못함",
    (
        "vmnet is taken or has failed: macOS's Internet Sharing is switched on, another program "
        "uses vmnet, or the subnet asked for will not do."
    ): (
        "vmnet을 다른 쪽이 쓰고 있거나 vmnet이 실패했습니다. macOS의 인터넷 공유가 켜져 있거나, "
        "다른 프로그램이 vmnet을 쓰거나, 요청한 서브넷을 쓸 수 없습니다."
    ),
    "container 0.6 to 0.10": "container 0.6부터 0.10까지",
    "Internet Sharing is on, and container does not start": (
        "인터넷 공유가 켜져 있고 container가 시작되지 않음"
    ),
    "Read what container and macOS's sharing service say.": (
        "container와 macOS 공유 서비스의 로그를 확인합니다."
    ),
    (
        "Switch Internet Sharing off (System Settings > General > Sharing), quit other programs "
        "with virtual networks, and start the service again."
    ): (
        "인터넷 공유를 끄고(시스템 설정 > 일반 > 공유) 가상 네트워크를 쓰는 다른 프로그램을 "
        "종료한 다음 서비스를 다시 시작합니다."
    ),
    "If it is refused still, reboot the Mac.": "그래도 실패하면 Mac을 재부팅합니다.",
    "pf's helper hangs, and every container command with it": (
        "pf 도우미가 멈춰 모든 container 명령이 멈춤"
    ),
    (
        "macOS's `com.apple.pfd` answers no more, and InternetSharing waits for it in "
        "`PFUserDeleteRules`. macOS protects both, so neither can be restarted."
    ): (
        "macOS의 `com.apple.pfd`가 더는 응답하지 않고 InternetSharing이 `PFUserDeleteRules`에서 "
        "기다립니다. macOS가 둘 다 보호하므로 다시 시작할 수 없습니다."
    ),
    "macOS 27.0": "macOS 27.0에서 확인",
    "every container command hangs for ever": "모든 container 명령이 끝없이 멈춰 있음",
    (
        "No cure but a reboot of the Mac is known. What you can do before it: look whether it "
        "is this, and report it to Apple."
    ): (
        "Mac을 재부팅하는 것 말고는 알려진 해결책이 없습니다. 그 전에 할 수 있는 일: 이 장애가 "
        "맞는지 확인하고 Apple에 알립니다."
    ),
    (
        "Run `sudo sample InternetSharing 1 -file /dev/stdout`. If `PFUserDeleteRules` stands "
        "in it, pf itself hangs and only a reboot helps (F35); if not, one hung client of "
        "container holds up the others (F36)."
    ): (
        "`sudo sample InternetSharing 1 -file /dev/stdout`을 실행합니다. `PFUserDeleteRules`가 "
        "있으면 pf 자체가 멈춘 것이어서 재부팅해야 합니다(F35). 없으면 멈춘 container "
        "클라이언트 하나가 다른 명령을 붙잡고 있는 것입니다(F36)."
    ),
    "One container command hangs and holds up the others": (
        "container 명령 하나가 멈춰 다른 명령까지 막음"
    ),
    (
        "container waits for its helpers without a time limit. One call that is never answered "
        "holds up those behind it."
    ): (
        "container는 도우미의 응답을 시간 제한 없이 기다립니다. 응답이 오지 않는 호출 하나가 "
        "뒤따르는 호출을 모두 막습니다."
    ),
    "container 0.9 to 1.0": "container 0.9부터 1.0까지",
    "`container network create --subnet` hangs": "`container network create --subnet`이 멈춤",
    "Find the hung command and end it by its number.": (
        "멈춘 명령을 찾아 그 번호의 프로세스를 종료합니다."
    ),
    "After a reboot a container counts as running, without a network": (
        "재부팅한 뒤 컨테이너는 실행 중인데 네트워크가 없음"
    ),
    (
        "The helper of a custom network was not connected again after the reboot. The list "
        "shows the container as running, and there is no bridge for it."
    ): (
        "재부팅한 뒤 사용자 지정 네트워크의 도우미가 다시 연결되지 않았습니다. 목록에는 "
        "컨테이너가 실행 중으로 나오지만 브리지가 없습니다."
    ),
    "container 0.10": "container 0.10에서 확인",
    "after a reboot the gateway is dead and `container stop` hangs": (
        "재부팅한 뒤 게이트웨이가 응답하지 않고 `container stop`이 멈춤"
    ),
    (
        "If the network stays dead, delete it and make it anew. NAME is the network, SUBNET its "
        "subnet."
    ): (
        "네트워크가 계속 안 되면 지우고 새로 만듭니다. NAME은 네트워크 이름, SUBNET은 그 "
        "서브넷입니다."
    ),
    "container was asked as root, whose services are not the user's": (
        "container를 root로 실행했는데 서비스는 사용자 것임"
    ),
    (
        "container's services belong to the user who started them (launchd domain `gui/<uid>`). "
        "Asked with sudo, it looks at root's and finds none."
    ): (
        "container 서비스는 시작한 사용자에게 속합니다(launchd 도메인 `gui/<uid>`). sudo로 "
        "실행하면 root의 서비스를 찾으므로 아무것도 없습니다."
    ),
    "`sudo container ls` shows nothing": "`sudo container ls`에 아무것도 나오지 않음",
    "Run it without sudo, as the user who started the service.": (
        "서비스를 시작한 사용자로, sudo 없이 실행합니다."
    ),
    "Run this tool without sudo as well; it asks for sudo where it needs it.": (
        "이 도구도 sudo 없이 실행합니다. 필요한 곳에서는 도구가 sudo를 요청합니다."
    ),
    "Node tries IPv6 first, and HTTPS times out": "Node가 IPv6를 먼저 시도해 HTTPS가 시간 초과됨",
    (
        "Names resolve to IPv6 addresses (AAAA) first. The NAT is for IPv4 only, so those "
        "addresses lead nowhere, and Node waits for them instead of going on with IPv4."
    ): (
        "이름이 IPv6 주소(AAAA)로 먼저 해석됩니다. NAT는 IPv4만 처리하므로 그 주소로는 나갈 수 "
        "없고, Node는 IPv4로 넘어가지 않고 기다립니다."
    ),
    "HTTP works, HTTPS times out": "HTTP는 되는데 HTTPS는 시간 초과",
    "Or try it once. IMAGE is your image.": (
        "또는 한 번 시험해 봅니다. IMAGE는 사용하는 이미지입니다."
    ),
    "Node 20 and later fall back to IPv4 by themselves in most cases.": (
        "Node 20부터는 대부분 저절로 IPv4로 넘어갑니다."
    ),
    (
        "IPv6 is dead in both. If only Node or npm waits and `curl` is quick, the program does "
        "not fall back to IPv4 (F39). If an address that has IPv6 only is what you need, it is "
        "F40."
    ): (
        "둘 다 IPv6가 안 됩니다. `curl`은 빠른데 Node나 npm만 기다리면 프로그램이 IPv4로 "
        "넘어가지 않는 것입니다(F39). IPv6만 있는 주소에 접속해야 한다면 F40입니다."
    ),
    "Containers have IPv6 addresses, but no IPv6 internet": (
        "컨테이너에 IPv6 주소는 있지만 IPv6 인터넷이 안 됨"
    ),
    (
        "vmnet gives containers private IPv6 addresses (fd..) and translates them to another "
        "private address of the Mac, which no router on the internet answers. container also "
        "does not pass the IPv6 gateway on to containers."
    ): (
        "vmnet은 컨테이너에 사설 IPv6 주소(fd..)를 주고 이를 Mac의 다른 사설 주소로 변환합니다. "
        "인터넷의 라우터는 이 주소에 응답하지 않습니다. 또한 container는 IPv6 게이트웨이를 "
        "컨테이너에 전달하지 않습니다."
    ),
    "IPv6 addresses on the internet are unreachable from containers": (
        "컨테이너에서 인터넷의 IPv6 주소에 닿지 않음"
    ),
    "Large transfers stall because of an `mtu=` of your own": (
        "직접 지정한 `mtu=` 때문에 큰 전송이 멈춤"
    ),
    (
        "container uses packets of 1280 bytes at most, which pass everywhere. A larger `mtu=` "
        "on `--network` makes packets that a VPN or a router on the way drops."
    ): (
        "container는 어디서나 통과하는 1280바이트 이하의 패킷을 씁니다. `--network`에 더 큰 "
        "`mtu=`를 주면 도중의 VPN이나 라우터가 버리는 패킷이 생깁니다."
    ),
    "container 0.11.0 and later, which have `mtu=`": "`mtu=`가 있는 container 0.11.0 이상",
    "large transfers stall, small ones pass": "큰 전송은 멈추고 작은 전송은 됨",
    "Start the container without `mtu=`. IMAGE is your image.": (
        "`mtu=` 없이 컨테이너를 시작합니다. IMAGE는 사용하는 이미지입니다."
    ),
    "TLS fails behind a company's proxy": "회사 프록시 뒤에서 TLS가 실패함",
    (
        "Zscaler, Netskope or another proxy opens TLS and signs it anew with a certificate that "
        "the image does not know. For pulls, container reads the proxy from variables in "
        "capitals only."
    ): (
        "Zscaler, Netskope 같은 프록시가 TLS를 열어 보고, 이미지가 모르는 인증서로 다시 "
        "서명합니다. 이미지를 내려받을 때 container는 대문자로 된 프록시 변수만 읽습니다."
    ),
    "container up to 1.x": "container 1.x까지",
    "the proxy is ignored when an image is pulled": "이미지를 내려받을 때 프록시 설정이 무시됨",
    "See which proxy macOS has.": "macOS의 프록시 설정을 확인합니다.",
    "Give the proxy in capitals. HOST and PORT are those of the proxy; IMAGE is yours.": (
        "프록시를 대문자 변수로 지정합니다. HOST와 PORT는 프록시의 값, IMAGE는 사용하는 "
        "이미지입니다."
    ),
    "Put the company's root certificate into the image, and update its list there.": (
        "회사의 루트 인증서를 이미지에 넣고 이미지 안의 인증서 목록을 갱신합니다."
    ),
    "A container on an internal network reaches the internet": (
        "내부 네트워크의 컨테이너가 인터넷에 나감"
    ),
    (
        "Forwarding is one switch for the whole Mac. While it is on, a container of an internal "
        "(hostOnly) network whose gateway is set gets its packets forwarded too."
    ): (
        "포워딩은 Mac 전체에 하나뿐인 스위치입니다. 켜져 있는 동안에는 게이트웨이가 설정된 "
        "내부(hostOnly) 네트워크의 컨테이너 패킷도 전달됩니다."
    ),
    "container 0.9.0 and later, which have `--internal`": (
        "`--internal`이 있는 container 0.9.0 이상"
    ),
    "a container on an `--internal` network reaches 1.1.1.1": (
        "`--internal` 네트워크의 컨테이너가 1.1.1.1에 닿음"
    ),
    "a hostOnly network has internet access": "hostOnly 네트워크가 인터넷에 나감",
    (
        "Let this tool set up again: it translates NAT networks only, and where it switched "
        "forwarding on, its guard blocks internal networks. Do not use `--no-guard`."
    ): (
        "이 도구로 다시 설정합니다. NAT 네트워크만 변환하고, 도구가 포워딩을 켠 경우에는 가드가 "
        "내부 네트워크를 막습니다. `--no-guard`는 쓰지 않습니다."
    ),
    (
        "If forwarding was on before this tool came, the guard stays out of it; give the "
        "container no network at all if that is what you want. IMAGE is your image."
    ): (
        "이 도구를 쓰기 전부터 포워딩이 켜져 있었다면 가드는 개입하지 않습니다. 네트워크가 아예 "
        "없기를 바라면 컨테이너에 네트워크를 주지 않습니다. IMAGE는 사용하는 이미지입니다."
    ),
    "Containers reach services of the Mac at the gateway": (
        "컨테이너가 게이트웨이 주소로 Mac의 서비스에 접속함"
    ),
    (
        "The Mac is itself a member of the container subnet, so whatever listens on all "
        "addresses (SSH, screen sharing) answers there. pf is reported not to filter traffic on "
        "the bridge."
    ): (
        "Mac도 컨테이너 서브넷에 속하므로 모든 주소에서 열린 서비스(SSH, 화면 공유)가 "
        "게이트웨이 주소에서도 응답합니다. pf는 브리지의 트래픽을 거르지 못한다고 보고됐습니다."
    ),
    "containers reach the host's SSH at the gateway": (
        "컨테이너가 게이트웨이로 호스트의 SSH에 접속함"
    ),
    "See what listens on all addresses.": "모든 주소에서 열려 있는 서비스를 확인합니다.",
    (
        "Let such services listen on 127.0.0.1 only, or switch them off in System Settings > "
        "General > Sharing."
    ): ("그런 서비스는 127.0.0.1에서만 열리게 하거나 시스템 설정 > 일반 > 공유에서 끕니다."),
    "What was set up is gone after a reboot or an update of macOS": (
        "재부팅이나 macOS 업데이트 뒤 설정이 사라짐"
    ),
    (
        "Forwarding and loaded rules end with a reboot. Today's macOS most likely ignores "
        "/etc/sysctl.conf, and updates overwrite /etc/pf.conf."
    ): (
        "포워딩과 로드한 규칙은 재부팅하면 사라집니다. 요즘 macOS는 /etc/sysctl.conf를 읽지 "
        "않을 가능성이 높고, 업데이트는 /etc/pf.conf를 덮어씁니다."
    ),
    "no network in containers after a reboot": "재부팅한 후 컨테이너에 네트워크가 없음",
    "no network in containers after macOS was updated": (
        "macOS를 업데이트한 후 컨테이너에 네트워크가 없음"
    ),
    "Then make it permanent: a boot daemon sets it again and keeps it right.": (
        "그런 다음 영구 적용합니다. 부팅 데몬이 다시 설정하고 계속 맞춰 줍니다."
    ),
    "The rule is loaded, but pf is off": "규칙은 로드되어 있지만 pf가 꺼져 있음",
    "macOS has pf switched off until somebody asks for it; rules then do nothing.": (
        "macOS의 pf는 누군가 요청하기 전까지 꺼져 있고, 그동안 규칙은 아무 일도 하지 않습니다."
    ),
    (
        "Let this tool switch it on. It keeps the token, and `invoke net.teardown` gives it "
        "back; others who use pf are not disturbed."
    ): (
        "이 도구가 pf를 켜게 합니다. 토큰을 보관했다가 `invoke net.teardown`에서 돌려주므로 "
        "pf를 쓰는 다른 프로그램에 영향을 주지 않습니다."
    ),
    "Never switch pf off with `pfctl -d`: that takes it from everybody who uses it.": (
        "`pfctl -d`로 pf를 끄지 않습니다. pf를 쓰는 모든 프로그램에서 꺼집니다."
    ),
    "A pf rule names a bridge that does not exist at boot": (
        "pf 규칙이 부팅할 때 없는 브리지를 가리킴"
    ),
    (
        "A rule with `bridge100:network` needs the bridge when it is loaded. At boot no "
        "container runs, there is no bridge, and pf refuses the whole file."
    ): (
        "`bridge100:network`가 든 규칙을 로드하려면 브리지가 있어야 합니다. 부팅할 때는 "
        "컨테이너가 없어 브리지도 없으므로 pf가 파일 전체를 거부합니다."
    ),
    "The container hangs after its result": "컨테이너가 결과를 낸 뒤 멈춤",
    (
        "The agent runner in the image does not call `process.exit(0)` after the result: "
        "something open keeps Node alive, so the container never ends. The network has no part "
        "in it."
    ): (
        "이미지의 에이전트 러너가 결과를 낸 뒤 `process.exit(0)`을 호출하지 않습니다. 열려 있는 "
        "무언가가 Node를 붙잡고 있어 컨테이너가 끝나지 않습니다. 네트워크와는 관계가 없습니다."
    ),
    "images with an agent runner for Node, independent of macOS and container": (
        "Node용 에이전트 러너가 든 이미지. macOS와 container의 버전과는 관계없음"
    ),
    "the container hangs after its result": "컨테이너가 결과를 낸 뒤 끝나지 않고 멈춤",
    (
        "See whether the agent runner ends its process: `process.exit(0)` has to stand after "
        "the result is written. Run this in the folder of the image's source."
    ): (
        "에이전트 러너가 프로세스를 끝내는지 확인합니다. 결과를 쓴 다음에 `process.exit(0)`이 "
        "있어야 합니다. 이미지 소스 폴더에서 실행합니다."
    ),
    (
        "Rebuild the image and start a new container. NAME is the image's name and tag, such as "
        "nanoclaw-agent:latest."
    ): (
        "이미지를 다시 빌드하고 새 컨테이너를 시작합니다. NAME은 nanoclaw-agent:latest 같은 "
        "이미지의 이름과 태그입니다."
    ),
    "If the rebuilt image still has the old code, delete the builder, which caches it.": (
        "다시 빌드한 이미지에 이전 코드가 남아 있으면, 캐시를 갖고 있는 빌더를 지웁니다."
    ),
    "A command in a container ends with `curl: (28) Connection timed out`": (
        "컨테이너 안의 명령이 `curl: (28) Connection timed out`으로 끝남"
    ),
    (
        "IP forwarding is off. On macOS 26 more often: vmnet's NAT is cut off (F01), or it does "
        "not follow a VPN or a change of network (F03, F07)."
    ): (
        "IP 포워딩이 꺼져 있습니다. macOS 26에서는 vmnet의 NAT가 끊겼거나(F01) VPN이나 네트워크 "
        "변경을 따라가지 못한(F03, F07) 경우가 더 많습니다."
    ),
    "Is forwarding on? 1 is on, 0 is off.": (
        "포워딩이 켜져 있습니까? 1이면 켜짐, 0이면 꺼짐입니다."
    ),
    "Let this tool set what is missing.": "이 도구가 빠진 것을 설정하게 합니다.",
    (
        "Names resolve to IPv6 addresses first, and the NAT is for IPv4 only: Node tries IPv6 "
        "and waits."
    ): (
        "이름이 IPv6 주소로 먼저 해석되는데 NAT는 IPv4만 처리합니다. 그래서 Node가 IPv6를 "
        "시도하며 기다립니다."
    ),
    "Do the image's Dockerfile and the runner have the setting?": (
        "이미지의 Dockerfile과 러너에 이 설정이 있습니까?"
    ),
    (
        "Add NODE_OPTIONS=--dns-result-order=ipv4first to the Dockerfile and to `container run "
        "-e`; the tool prints the lines."
    ): (
        "NODE_OPTIONS=--dns-result-order=ipv4first를 Dockerfile과 `container run -e`에 "
        "추가합니다. 필요한 줄은 이 도구가 출력합니다."
    ),
    "A command in a container ends with `Could not resolve host`": (
        "컨테이너 안의 명령이 `Could not resolve host`로 끝남"
    ),
    (
        "DNS queries do not get through: there is no bridge, the NAT rule is missing or not "
        "called (F01), or the resolver at the gateway does not answer (F21, F22)."
    ): (
        "DNS 질의가 나가지 못합니다. 브리지가 없거나, NAT 규칙이 없거나 호출되지 않거나(F01), "
        "게이트웨이의 리졸버가 응답하지 않습니다(F21, F22)."
    ),
    (
        "Is there a bridge while a container runs, and a NAT rule that is called? This shows "
        "both, hop by hop."
    ): (
        "컨테이너가 실행되는 동안 브리지가 있고, NAT 규칙이 있으며 호출됩니까? 둘 다 홉별로 "
        "보여 줍니다."
    ),
    "If it is still so, see whether another program holds port 53 of the Mac.": (
        "그래도 안 되면 다른 프로그램이 Mac의 53번 포트를 쓰고 있는지 확인합니다."
    ),
    "The agent runner in the image does not call `process.exit(0)`.": (
        "이미지의 에이전트 러너가 `process.exit(0)`을 호출하지 않습니다."
    ),
    (
        "Is the container still listed as running after its result? If so, it is the image and "
        "not the network."
    ): (
        "결과가 나온 뒤에도 컨테이너가 실행 중으로 나옵니까? 그렇다면 네트워크가 아니라 이미지 "
        "문제입니다."
    ),
}
